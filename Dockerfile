# The gateway alone, on Debian slim, as an ordinary user:
#
#   docker build -t cong .
#   docker run -v ./my-config:/etc/cong:ro -p 443:8443 -p 80:8080 cong
#
# The container wants /etc/cong/cong.yaml, with the files that it names beside it (see config/).
FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/setup scripts/setup
RUN scripts/setup build
COPY . .
RUN make install DESTDIR=/out PREFIX=/usr

FROM debian:12-slim
COPY scripts/setup /tmp/setup
RUN /tmp/setup run \
    && rm -rf /tmp/setup /var/lib/apt/lists/* \
    && useradd --system --no-create-home --shell /usr/sbin/nologin cong \
    && install -d -o cong -g cong /run/cong
COPY --from=build /out/usr/ /usr/
USER cong
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["cong", "status", "-c", "/etc/cong/cong.yaml"]
ENTRYPOINT ["cong"]
CMD ["run", "-c", "/etc/cong/cong.yaml"]
