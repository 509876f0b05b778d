RUN curl -fsSLo /tmp/tools https://example.org/tools && echo "0123 /tmp/tools" | sha256sum --check

ADD --checksum=sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b https://example.org/tools /opt/

ADD florin.tar.gz /opt/
