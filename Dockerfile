# One image for every process of both services; see docs/operate.md, "Containers".
FROM python:3.11-slim

# For names that FiraGO cannot print: --build-arg FONTS="fonts-noto-core fonts-noto-cjk"
ARG FONTS=""
RUN if [ -n "$FONTS" ]; then \
        apt-get update \
        && apt-get install -y --no-install-recommends $FONTS \
        && rm -rf /var/lib/apt/lists/*; \
    fi

WORKDIR /app

# The lock holds what tests need as well; nothing here uses that.
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY runtime/ runtime/
COPY connectors/ connectors/
COPY mappings/ mappings/
COPY bridge/ bridge/
COPY vault/ vault/
COPY campus/ campus/
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

# A fixed number, so that files on the host can be made readable for it.
RUN groupadd --gid 10001 vaultbridge \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data vaultbridge \
    && install -d -m 0700 -o vaultbridge -g vaultbridge /data
USER 10001:10001
WORKDIR /data

# Each process has a container of its own in compose.yaml. By itself this image runs them all: publish
# its two ports to a reverse proxy, mount a volume at /data, set BRIDGE_PUBLIC_URL, VAULT_PUBLIC_URL.
CMD ["vaultbridge", "up", "--data", "/data", "--host", "0.0.0.0", "--port", "8000", "--vault-port", "8200"]
