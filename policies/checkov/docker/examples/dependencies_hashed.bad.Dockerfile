RUN pip install fastapi

RUN python -m venv /opt/florin && /opt/florin/bin/pip install --requirement requirements.txt

RUN uv sync

RUN npm install
