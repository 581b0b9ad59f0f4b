// A ring index that is compared with the slot count one step too late: AddressSanitizer has to say so.
#include <cstdint>
#include <cstdio>
#include <vector>

int main(int argument_count, char**) {
  const auto slot_count = static_cast<std::size_t>(argument_count) * 4;
  std::vector<std::uint64_t> slots(slot_count);
  std::size_t index = 0;
  for (std::uint64_t value = 0; value < 10; ++value) {
    slots[index] = value;
    index = index + 1 > slot_count ? 0 : index + 1;
  }
  std::printf("%llu\n", static_cast<unsigned long long>(slots[0]));
}
