# Two images of one program: `minimal` (the default) for the backends server, microvm and cloud, and `full`, in which the namespace backend
# works too. docs/docker.md says how they are run.
#
#   docker build --tag msb-mcp .
#   docker build --tag msb-mcp:full --target full .
#   docker build --build-arg BINARY=dist/msb-mcp …      takes this executable, built before; without it, one is built here

# Name it with its digest (debian:trixie-slim@sha256:…) for a build that can be repeated.
ARG BASE=debian:trixie-slim
# Only to build the executable: an image with Node.js and npm, or Bun.
ARG BUILDER=node:24-trixie-slim
ARG BINARY=

FROM ${BUILDER} AS program
WORKDIR /project
COPY . .
RUN scripts/build && install -D -m 0755 dist/msb-mcp /program/msb-mcp

FROM ${BASE} AS program-given
ARG BINARY
# The second name keeps this line valid where no executable is given.
COPY ${BINARY} LICENSE /given/
RUN [ -z "$BINARY" ] || install -D -m 0755 "/given/$(basename "$BINARY")" /program/msb-mcp

FROM program${BINARY:+-given} AS chosen-program

FROM ${BASE} AS system
# What the microVM runtime is linked with, and whom it trusts.
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ca-certificates libcap-ng0 libgcc-s1 \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/*

FROM system AS libraries
COPY deploy/docker/minimal-root.sh LICENSE /build/
RUN sh /build/minimal-root.sh /root-of-minimal libc6 libgcc-s1 libcap-ng0 ca-certificates \
  && install -D -m 0644 /build/LICENSE /root-of-minimal/usr/share/doc/msb-mcp/copyright \
  && install -d -m 0700 /state

FROM system AS full
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends bubblewrap nodejs python3 util-linux \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/log/* \
  && echo 'msb-mcp:x:65532:65532:msb-mcp:/var/lib/msb-mcp:/usr/sbin/nologin' >>/etc/passwd \
  && echo 'msb-mcp:x:65532:' >>/etc/group \
  && install -d -m 0700 -o 65532 -g 65532 /var/lib/msb-mcp
COPY LICENSE /usr/share/doc/msb-mcp/copyright
COPY deploy/docker/seccomp.json deploy/docker/seccomp.LICENSE /usr/share/msb-mcp/
COPY --from=chosen-program /program/msb-mcp /usr/bin/msb-mcp
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=https://github.com/msb-mcp/msb-mcp
ARG SERVER_NAME=io.github.msb-mcp/msb-mcp
LABEL org.opencontainers.image.title="msb-mcp" \
  org.opencontainers.image.description="An MCP server that runs code for AI agents in isolated sandboxes, with Python, Node.js and bubblewrap" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.licenses="MIT" \
  io.modelcontextprotocol.server.name="${SERVER_NAME}"
ENV HOME=/var/lib/msb-mcp \
  MCP_SERVER_HOST=0.0.0.0 \
  MCP_SANDBOX_BACKEND=namespace \
  MSB_MCP_STATE_DIR=/var/lib/msb-mcp/state \
  MSB_MCP_RUNTIME_DIR=/var/lib/msb-mcp/runtime \
  MSB_HOME=/var/lib/msb-mcp/microsandbox
WORKDIR /var/lib/msb-mcp
VOLUME /var/lib/msb-mcp
EXPOSE 8000
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=15s --start-period=15s CMD ["/usr/bin/msb-mcp", "health"]
ENTRYPOINT ["/usr/bin/msb-mcp"]

FROM scratch AS minimal
COPY --from=libraries /root-of-minimal /
COPY --from=libraries --chown=65532:65532 /state /var/lib/msb-mcp
COPY --from=chosen-program /program/msb-mcp /usr/bin/msb-mcp
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=https://github.com/msb-mcp/msb-mcp
ARG SERVER_NAME=io.github.msb-mcp/msb-mcp
LABEL org.opencontainers.image.title="msb-mcp" \
  org.opencontainers.image.description="An MCP server that runs code for AI agents in isolated sandboxes" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.licenses="MIT" \
  io.modelcontextprotocol.server.name="${SERVER_NAME}"
ENV HOME=/var/lib/msb-mcp \
  MCP_SERVER_HOST=0.0.0.0 \
  MSB_MCP_STATE_DIR=/var/lib/msb-mcp/state \
  MSB_MCP_RUNTIME_DIR=/var/lib/msb-mcp/runtime \
  MSB_HOME=/var/lib/msb-mcp/microsandbox
WORKDIR /var/lib/msb-mcp
VOLUME /var/lib/msb-mcp
EXPOSE 8000
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=15s --start-period=15s CMD ["/usr/bin/msb-mcp", "health"]
ENTRYPOINT ["/usr/bin/msb-mcp"]
