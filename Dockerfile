# docker compose up -d                the web server, a worker and a volume (compose.yaml, docs/operating.md)
# docker build -t invlab .            torch comes with its GPU libraries (about 5 GB)
# docker build -t invlab --build-arg TORCH_INDEX=URL .
#   A CPU-only image: URL is a package index that holds CPU builds of torch and torchvision (see README.md).
# docker run -p 127.0.0.1:8501:8501 -v invlab:/home/invlab/data invlab
#
# Every package comes as a wheel; the first stage has the C compiler that the kernels of rendering need.
FROM python:3.12 AS kernels
WORKDIR /app
COPY invlab/__init__.py invlab/lazy.py invlab/compiled.py invlab/kernels.c invlab/labnet.c invlab/
RUN python -m invlab.compiled && ls invlab/kernels-*.so

FROM python:3.12-slim

ARG TORCH_INDEX=""

RUN useradd --create-home --uid 1000 invlab \
    && install -d -o invlab -g invlab /home/invlab/data /app
WORKDIR /app

COPY requirements.txt requirements-hub.txt ./
# torch and torchvision first and from one index: their versions must belong together.
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --index-url "$TORCH_INDEX" "torch>=2.11" "torchvision>=0.26"; \
    fi \
    && pip install --no-cache-dir -r requirements.txt

# Owned by root and compiled here: the processes change nothing of it, and the root file system can be read-only.
COPY app.py LICENSE README.md ./
COPY .streamlit .streamlit
COPY invlab invlab
COPY --from=kernels /app/invlab/kernels-*.so invlab/
COPY pages pages
COPY models models
COPY benchmarks/results benchmarks/results
RUN python -m compileall -q invlab pages app.py

USER invlab
# The home is a directory in the volume, not the volume itself: a restore moves it aside, which no mount point allows.
# In a container the app is there for others, so nobody has all rights by default; and it must listen on every interface:
# publish the port on the host's localhost unless you mean it.
ENV INVLAB_HOME=/home/invlab/data/home INVLAB_MODE=serve INVLAB_LOG=json TORCH_HOME=/home/invlab/data/torch \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 STREAMLIT_SERVER_PORT=8501 \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
VOLUME /home/invlab/data
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8501/_stcore/health', timeout=4)"]

CMD ["python", "-m", "streamlit", "run", "app.py"]
