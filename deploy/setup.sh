#!/bin/sh
# Makes the environment of a checkout and says what it does: setup.sh PYTHON VENV [LOCK] (called by make).
set -eu
python=$1 venv=$2 bin=$2/bin lock=${3:-requirements.lock}
compile= ; [ "$lock" = requirements.lock ] || compile=--no-compile
say() { echo "$*" >&2; }
if ! "$bin/python" -m pip --version >/dev/null 2>&1; then
  say "1/3 建立环境 $venv ($python)"
  command -v "$python" >/dev/null 2>&1 || {
    say "没有 $python：apt-get install python3.11 python3.11-venv，或指定已有的版本：make PYTHON=python3.12 …"; exit 1; }
  "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || {
    say "$python 是 $("$python" --version 2>&1)，需要 3.11、3.12 或 3.13：make PYTHON=python3.12 …"; exit 1; }
  "$python" -m venv --clear "$venv" >/dev/null 2>&1 || {
    say "$python -m venv failed: 缺少 venv 模块：apt-get install $(basename "$python")-venv"; exit 1; }
fi
log=$(mktemp); trap 'rm -f "$log"; [ -z "${job:-}" ] || kill "$job" 2>/dev/null || true' EXIT
count=$(grep -c == "$lock")
say "2/3 下载并安装 $count 个软件包（第一次约一两分钟）"
"$bin/python" -m pip install --disable-pip-version-check --progress-bar off $compile --require-hashes -r "$lock" >"$log" 2>&1 & job=$!
waited=0
while kill -0 "$job" 2>/dev/null; do
  sleep 1; waited=$((waited + 1))
  [ $((waited % 5)) -ne 0 ] || say "    $waited 秒，已取得 $(grep -c '^Collecting\|already satisfied' "$log" || true)/$count"
done
wait "$job" || { say "安装失败："; tail -n 15 "$log" >&2; exit 1; }
job=
say "3/3 安装 kakou 本身"
isolated=--no-build-isolation
"$bin/python" -c 'import setuptools' 2>/dev/null || isolated=
"$bin/python" -m pip install --quiet --disable-pip-version-check --no-deps $isolated \
  --config-settings editable_mode=compat --editable . >"$log" 2>&1 || { tail -n 15 "$log" >&2; exit 1; }
[ -z "$compile" ] || "$bin/python" -m kakou.installing.slim
