# docker build -t invlab .            torch comes with its GPU libraries (about 5 GB)
# docker build -t invlab --build-arg TORCH_INDEX=URL .
#   A CPU-only image: URL is a package index that holds CPU builds of torch and torchvision (see README.md).
# docker run -p 127.0.0.1:8501:8501 -v invlab:/home/invlab/data invlab
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

COPY --chown=invlab:invlab app.py LICENSE README.md ./
COPY --chown=invlab:invlab .streamlit .streamlit
COPY --chown=invlab:invlab invlab invlab
COPY --chown=invlab:invlab pages pages
COPY --chown=invlab:invlab models models

USER invlab
ENV INVLAB_HOME=/home/invlab/data PYTHONUNBUFFERED=1
VOLUME /home/invlab/data
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8501/_stcore/health', timeout=4)"]

# Inside a container the app must listen on every interface; publish the port on the host's localhost unless you mean it.
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
