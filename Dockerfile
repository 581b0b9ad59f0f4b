# docker build -t fencepost . && docker run --rm fencepost check order4.claim
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /fencepost
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# A compiler stays in: sequencers in C++ and native mutants are compiled when they are asked for.
FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends g++ valgrind && rm -rf /var/lib/apt/lists/*
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(echo /wheels/*.whl)[frames,plots,mutants]" && rm -r /wheels
RUN useradd --create-home fencepost
USER fencepost
WORKDIR /home/fencepost
ENTRYPOINT ["fencepost"]
CMD ["--help"]
