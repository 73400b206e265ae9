"""Area codes: GB/T 2260 (6 digits), statistical codes (9, 12) and grid codes after CJ/T 349 (14, 16)."""

CODE_LENGTHS = (6, 9, 12, 14, 16)
"""County; street; community; grid; micro-grid."""

PROVINCE_NAMES = {
    "11": "北京", "12": "天津", "13": "河北", "14": "山西", "15": "内蒙古",
    "21": "辽宁", "22": "吉林", "23": "黑龙江",
    "31": "上海", "32": "江苏", "33": "浙江", "34": "安徽", "35": "福建", "36": "江西", "37": "山东",
    "41": "河南", "42": "湖北", "43": "湖南", "44": "广东", "45": "广西", "46": "海南",
    "50": "重庆", "51": "四川", "52": "贵州", "53": "云南", "54": "西藏",
    "61": "陕西", "62": "甘肃", "63": "青海", "64": "宁夏", "65": "新疆",
    "71": "台湾", "81": "香港", "82": "澳门",
}  # fmt: skip
"""First two digits of every code (GB/T 2260)."""


def normalise_area(code: str) -> str:
    """Return the code as it is kept. Raises ValueError, saying why it is no area."""
    compact = code.strip()
    if not (compact.isascii() and compact.isdigit()):
        raise ValueError(f"区划编码“{compact}”不是数字")
    if len(compact) not in CODE_LENGTHS:
        lengths = "、".join(map(str, CODE_LENGTHS))
        raise ValueError(f"区划编码 {compact} 有 {len(compact)} 位，应为 {lengths} 位")
    if compact[:2] not in PROVINCE_NAMES:
        raise ValueError(f"区划编码 {compact} 不属于任何省份（{compact[:2]}）")
    return compact


def area_prefix(code: str) -> str:
    """Return what all codes inside the area begin with: 370200 gives 3702, 370211010000 gives 370211010."""
    county, rest = code[:6], code[6:]
    if rest.strip("0"):
        street, community = rest[:3], rest[3:]
        return county + street if not community.strip("0") else code
    if county.endswith("0000"):
        return county[:2]
    return county[:4] if county.endswith("00") else county


def default_area_name(code: str) -> str:
    """Return a name for an area that was declared without one."""
    return f"{PROVINCE_NAMES.get(code[:2], '')} {code}".strip()
