RUN curl -fsSL https://example.org/install.sh | sh

RUN wget -qO- https://example.org/tools.tar.gz | tar xz -C /opt

RUN bash <(curl -fsSL https://example.org/install.sh)

ADD https://example.org/tools.tar.gz /opt/
