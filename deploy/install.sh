#!/bin/sh
# Installs kakou from this bundle without any network: ./install.sh [--role box|centre] [FOLDER], all of it in /opt/kakou
# when left out; a box needs half the room of a centre.
# ./install.sh --remove [FOLDER] takes it away; settings and state folders stay.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
say() { echo "$*" >&2; }
fail() { say "错误 $*"; exit 1; }
remove=
[ "${1:-}" = --remove ] && { remove=1; shift; }
lock=requirements-runtime.lock room=1200
if [ "${1:-}" = --role ]; then
  case "${2:-}" in box) lock=requirements-box.lock room=700;; centre) ;; *) fail "--role 应为 box 或 centre";; esac
  shift 2
fi
into=${1:-/opt/kakou}
case "$into" in -*) fail "不认识 $into：./install.sh [--role box|centre] [文件夹]";; /*) ;; *) into=$(pwd)/$into;; esac
if [ -n "$remove" ]; then
  [ -f "$into/.kakou-bundle" ] || fail "$into 不是由本安装包装的，未动"
  rm -rf "$into"
  say "已删除 $into；设置和状态目录未动"
  exit 0
fi
machine=$(uname -m)
[ -d "$here/wheels/$machine" ] || fail "本安装包没有 $machine 的文件，只有：$(ls "$here/wheels" | tr '\n' ' ')"
python=
for one in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
  command -v "$one" >/dev/null 2>&1 || continue
  "$one" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { python=$one; break; }
done
[ -n "$python" ] || fail "需要 Python 3.11、3.12 或 3.13：apt-get install python3 python3-venv（本机 $(python3 --version 2>&1)）"
version=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
ls "$here/wheels/$machine/" | grep -q "$version" || fail "本安装包没有 $machine 上 $version 的文件；请用打包时所列的 Python"
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail "缺少 venv：apt-get install python3-venv"
parent=$(dirname "$into")
mkdir -p "$parent" || fail "不能建立 $parent"
free=$(df -Pm "$parent" | awk 'NR == 2 {print $4}')
[ "$free" -ge "$room" ] || fail "$parent 只剩 $free MB，需要 $room MB；什么也没有装"
(cd "$here" && sha256sum --quiet -c SHA256SUMS) || fail "安装包已损坏：重新复制"
if [ -e "$into" ] && [ ! -f "$into/.kakou-bundle" ]; then fail "$into 已存在，不是由本安装包装的"; fi
say "1/3 建立环境 $into.new"
rm -rf "$into.new"
"$python" -m venv "$into.new"
touch "$into.new/.kakou-bundle"
say "2/3 安装（不用网络）"
"$into.new/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-index \
  --find-links "$here/wheels/$machine" --find-links "$here/wheels" --require-hashes -r "$here/$lock"
"$into.new/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-index --no-deps "$here"/wheels/kakou-*.whl
say "3/3 换上"
# A half-finished upgrade leaves the old one at work: the new one takes its place only when it is whole.
"$into.new/bin/python" -m kakou.installing.slim --without-pip || fail "安装不完整，旧版本未动"
rm -rf "$into.old"
[ -e "$into" ] && mv "$into" "$into.old"
mv "$into.new" "$into"
for script in "$into"/bin/*; do
  [ -f "$script" ] && [ ! -L "$script" ] && sed -i "1s|$into.new|$into|" "$script" 2>/dev/null || true
done
sed -i "s|$into.new|$into|g" "$into/bin/activate" "$into/pyvenv.cfg" 2>/dev/null || true
rm -rf "$into.old"
say "已安装。接着做："
say "  1. $into/bin/kakou demo --folder /tmp/kakou-demo    # 试一遍"
say "  2. 写 /etc/kakou/kakou.toml（docs/kakou.toml.md）"
say "  3. sudo $into/bin/kakou install box|centre"
