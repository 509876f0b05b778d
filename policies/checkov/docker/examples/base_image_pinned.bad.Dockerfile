FROM docker.io/library/python:3.11-slim

ARG BASE=python:3.11
FROM ${BASE}

FROM python@sha256:abc

FROM scratch
COPY --from=ghcr.io/example/tools:1 /bin/tool /bin/tool
