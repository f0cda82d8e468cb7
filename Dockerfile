# The binary and nothing else. Data is in the volume /data; the socket of the
# administration is in it too:
#   docker exec NAME /mpblock account add --data /data
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /out/root/mpblock ./cmd/mpblock \
 && mkdir -p /out/owned/data /out/root/tmp && chmod 0700 /out/owned/data && chmod 1777 /out/root/tmp

FROM scratch
# Not directory by directory: what COPY itself makes has a mode of its own.
COPY --from=build /out/root /
COPY --from=build --chown=65532:65532 /out/owned /
USER 65532:65532
VOLUME /data
EXPOSE 8080
ENV MPBLOCK_DATA=/data MPBLOCK_LISTEN=0.0.0.0:8080
ENTRYPOINT ["/mpblock"]
CMD ["serve"]
