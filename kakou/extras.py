"""Packages that not every machine has, and the extra of pyproject.toml that brings each."""

EXTRA_OF = {
    "alembic": "console",
    "argon2": "console",
    "confluent_kafka": "kafka",
    "fastapi": "console",
    "httptools": "reads",
    "multipart": "console",
    "paho": "mqtt",
    "pillow_heif": "photos",
    "polars": "tables",
    "psycopg": "postgresql",
    "pyotp": "console",
    "ray": "ray",
    "segno": "booth",
    "sqlalchemy": "console",
    "starlette": "booth",
    "uvicorn": "booth",
}
"""By the name that is imported."""


def missing_sentence(error: BaseException) -> str | None:
    """Return what to do about a package that is not installed here; None for any other error."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    extra = EXTRA_OF.get(name)
    if extra is None:
        return None
    return (
        f"本机没有装 {name}，它在 kakou[{extra}] 中：中心用 make install ROLE=centre"
        f"（安装包 install.sh --role centre），其他用 pip install 'kakou[{extra}]' ({name} is not installed)"
    )
