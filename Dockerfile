# stgr for the CPU, or with CUDA wheels:
#   docker build -t stgr .
#   docker build -t stgr:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
#   docker run --rm -v "$PWD:/videos" -v stgr-cache:/cache stgr ground my.mp4 --query "crack an egg" --out answer
FROM python:3.11-slim-bookworm

# What OpenCV's wheel links to.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=onnx
COPY . /src
RUN TORCH_INDEX="$TORCH_INDEX" EXTRAS="$EXTRAS" /src/docker/install.sh /opt/stgr && rm -rf /src

# Weights of the hub and of stgr are kept in a volume; what is answered goes to /videos.
RUN useradd --uid 1000 --create-home stgr && mkdir -p /cache /videos && chown stgr /cache /videos
ENV PATH=/opt/stgr/bin:$PATH \
    HF_HOME=/cache/huggingface \
    STGR_CACHE=/cache/stgr \
    MPLCONFIGDIR=/tmp/matplotlib
USER stgr
VOLUME /cache
WORKDIR /videos
ENTRYPOINT ["stgr"]
CMD ["--help"]
