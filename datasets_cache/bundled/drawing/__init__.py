"""Draws the posters of the bundled films: vector motifs, 32 palettes, 16 compositions, 8 letterings.

Run it with `python -m datasets_cache.bundled.drawing`. The posters are committed, so the fonts are needed only
by who draws them anew. They come from PyPI, under the SIL Open Font License 1.1 (the extra `posters`):

    fontpkg-archivo-black==1.6
    fontpkg-bebas-neue==2.0
    fontpkg-black-ops-one==1.4
    fontpkg-cinzel==2.0
    fontpkg-ibm-plex-mono==2.3
    fontpkg-josefin-sans==2.1
    fontpkg-lobster==2.100
    fontpkg-playfair-display==1.203
"""
