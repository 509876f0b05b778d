FROM docker.io/library/python:3.11-slim@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS build
FROM build
COPY --from=build /opt/florin /opt/florin

FROM --platform=linux/amd64 python@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM scratch
