RUN pip install --require-hashes --no-deps --requirement requirements.txt

RUN pip install --no-deps --no-index ./florin-1.0-py3-none-any.whl

RUN uv sync --frozen

RUN npm ci && pip uninstall --yes pip
