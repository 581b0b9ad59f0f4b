// A counter of positions that is signed, as at 09ae22d, and runs over its end: UndefinedBehaviorSanitizer has to say so.
#include <cstdint>
#include <cstdio>

int main(int argument_count, char**) {
  std::int32_t ordered = INT32_MAX - argument_count;
  for (int batch = 0; batch < 3; ++batch) ordered += argument_count;
  std::printf("%d\n", ordered);
}
