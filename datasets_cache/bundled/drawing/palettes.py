"""The palettes: six inks each, and the tones a motif takes from them on a given field."""

from dataclasses import dataclass

from datasets_cache.bundled.drawing.pen import RGB, Tones


@dataclass(frozen=True)
class Palette:
    """Six inks: the paper, a second field, the motif's own colour, an accent, and the two ends of the scale."""

    back: RGB
    ground: RGB
    main: RGB
    accent: RGB
    light: RGB
    dark: RGB

    def inks(self) -> tuple[RGB, ...]:
        """All six inks."""
        return (self.back, self.ground, self.main, self.accent, self.light, self.dark)


def _palette(inks: str) -> Palette:
    """Read six hexadecimal colours."""
    back, ground, main, accent, light, dark = ((int(h[:2], 16), int(h[2:4], 16), int(h[4:], 16)) for h in inks.split())
    return Palette(back, ground, main, accent, light, dark)


#                      back   ground main   accent light  dark
PALETTES: dict[str, Palette] = {
    "noir": _palette("17181d 2e3038 d8d1c1 c8252c f3efe4 08080a"),
    "blood": _palette("9a1119 5d070e f0dfc8 ef5a34 fcf2e3 1c0406"),
    "ember": _palette("2c1511 54210f e5652a f7b53d fde6bd 130806"),
    "sunset": _palette("f28a5b c2476a 4a2358 ffd166 fff0d6 2a1238"),
    "desert": _palette("e9b872 c9803f 8c3d1f 2f7f86 fbeacb 3b1c10"),
    "gold": _palette("211c15 41351f d9a93a b23a2c f8ecc9 0e0c08"),
    "sepia": _palette("e6d3b1 c2a377 6f4a2b a8442a f8eeda 2f1e12"),
    "silver_silent": _palette("c6c9ca 93989c 3b3e45 c3a765 f7f7f3 15161a"),
    "ocean": _palette("10506f 0a3148 5fc0cd f4a259 ebf6f0 051a28"),
    "ice": _palette("cbe6ef 93c5d9 2a6a93 e4572e f8fdff 0f3048"),
    "arctic": _palette("e9eef0 b4c7d2 1f3f60 d9303e ffffff 0b1a2a"),
    "storm": _palette("53626f 313d4a c7d2d8 f2c53d eef2f2 141b24"),
    "forest": _palette("1f3d2e 122a1e 80b066 e9a03b f1ebd3 08130d"),
    "meadow": _palette("b4d478 64a14c c2412d f7c948 fdf8df 1a3523"),
    "spring": _palette("f9dcdf a3d39c d4537f f2b33d fffaf3 2b4a40"),
    "candy": _palette("ff93a9 f0527c 752c9a ffd84d fff5ee 3a1150"),
    "pastel": _palette("cde4e1 f3c9c2 7284c4 f29c73 fffaf0 3f446a"),
    "rose": _palette("f1cbc6 d98a90 a52d4c e6ad45 fff4ee 481025"),
    "wine": _palette("54162c 360b1b d0617c e8bb6c f8e8dc 1b050c"),
    "violet": _palette("452a77 2c1850 b992e3 ff9f6b f5ecff 140928"),
    "neon": _palette("170c33 2f1259 ff2e93 23e5df fdf3ff 070316"),
    "midnight": _palette("13224d 0b1534 7596dc f4d35e eff3ff 040817"),
    "cosmic": _palette("24134a 47226f ef6a7c 62d6cf fdefe0 0b061f"),
    "toxic": _palette("c6da32 7d9f17 2b3512 e8503a f8fbdf 12170a"),
    "swamp": _palette("56653f 36432c c2bd6f de8040 eeead0 131a10"),
    "autumn": _palette("de8133 a3431e 55190f f8d36b fef1d6 2a1009"),
    "earth": _palette("dac6a9 a98860 884930 4d6f4c f6ecdd 2d2017"),
    "steel": _palette("33485c 203040 a3bac9 f0843c eef4f6 0d161e"),
    "concrete": _palette("bdbab3 8d8a84 3f4044 f15a22 f3f1ec 1a1a1c"),
    "bubblegum": _palette("83d8e2 ff7fb6 dd2a85 ffe156 fff8fb 3b1552"),
    "tropical": _palette("19a79b 0c6b6c ff6f59 ffd23f fef6e4 083336"),
    "royal": _palette("23348a 15205c dab23a d0384f f6efd9 090f2e"),
}


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """The colour at `share` of the way from a to b."""
    return (
        round(a[0] + (b[0] - a[0]) * share), round(a[1] + (b[1] - a[1]) * share), round(a[2] + (b[2] - a[2]) * share)
    )


def luminance(colour: RGB) -> float:
    """Relative luminance between 0 and 1."""
    linear = [(c / 255 / 12.92) if c < 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: RGB, b: RGB) -> float:
    """Contrast ratio between 1 and 21."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def apart(a: RGB, b: RGB) -> float:
    """How far apart two colours are, by eye: about 1 is plainly different."""
    mean = (a[0] + b[0]) / 2
    weights = (2 + mean / 256, 4.0, 2 + (255 - mean) / 256)
    return sum(w * (x - y) ** 2 for w, x, y in zip(weights, a, b, strict=True)) ** 0.5 / 190


def tones_on(palette: Palette, field: RGB, first: RGB | None = None) -> Tones:
    """The tones of a motif that is to stand out on `field`; `first` is tried first as its body colour."""
    order = [first] if first else []
    order += [palette.main, palette.light, palette.dark, palette.accent]
    seen = [c for c in order if apart(c, field) > 0.85 and contrast(c, field) > 1.55]
    body = seen[0] if seen else max(order, key=lambda c: apart(c, field))
    others = [c for c in (palette.accent, palette.light, palette.main, palette.ground, palette.dark) if c != body]
    clear = [c for c in others if apart(c, field) > 0.6 and apart(c, body) > 0.6]
    accent = clear[0] if clear else max(others, key=lambda c: apart(c, field))
    dark = palette.dark
    if contrast(dark, field) < 1.4:
        dark = mix(field, palette.light, 0.15)
    light = palette.light
    if contrast(light, field) < 1.25:
        white = (255, 255, 255)
        light = mix(light, white, 0.75) if contrast(white, field) > 1.15 else mix(light, palette.main, 0.2)
    if body == palette.light:
        body = mix(light, palette.main, 0.16)  # so that what is drawn in white still shows on it
    pale = luminance(body) > 0.6
    shade = mix(body, palette.main if pale and apart(palette.main, body) > 1.2 else palette.dark, 0.3 if pale else 0.36)
    tint = mix(body, palette.accent if pale else palette.light, 0.26 if pale else 0.42)
    if apart(shade, field) < 0.3:
        shade = mix(body, field, 0.5)
    return {
        "body": body, "shade": shade, "tint": tint, "accent": accent, "deep": mix(accent, palette.dark, 0.32),
        "light": light, "dark": dark,
    }
