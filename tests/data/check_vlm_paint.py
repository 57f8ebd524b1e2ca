#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check_vlm_paint.py VLM_PAINT FIXTURES [--timeout SECONDS]     (FIXTURES/sdxl is used)
Runs VLM_PAINT on the prompts of the tiny SDXL pipeline and compares with what diffusers computed. Needs numpy and the standard library."""
import argparse, json, os, struct, subprocess, sys, tempfile, zlib
import numpy as np
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check_vlm_ask import Checks, read_safetensors

def read_png(path):
    raw = open(path, "rb").read(); assert raw[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"; at = 8; data = b""
    while at < len(raw):
        n, kind = struct.unpack(">I4s", raw[at:at + 8]); body = raw[at + 8:at + 8 + n]; at += 12 + n
        if kind == b"IHDR": w, h, depth, colour, _, _, lace = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT": data += body
    assert depth == 8 and colour in (2, 6) and not lace, f"depth {depth}, colour type {colour}, interlace {lace}: expected 8-bit RGB"
    c = 3 if colour == 2 else 4; b = zlib.decompress(data); out = np.zeros((h, w * c), np.uint8); prev = [0] * (w * c)
    for y in range(h):
        f = b[y * (w * c + 1)]; row = list(b[y * (w * c + 1) + 1:(y + 1) * (w * c + 1)])
        for x in range(w * c):
            l = row[x - c] if x >= c else 0; u = prev[x]; ul = prev[x - c] if x >= c else 0
            if f == 1: row[x] = (row[x] + l) & 255
            elif f == 2: row[x] = (row[x] + u) & 255
            elif f == 3: row[x] = (row[x] + (l + u) // 2) & 255
            elif f == 4:
                q = l + u - ul; pa, pb, pc = abs(q - l), abs(q - u), abs(q - ul); row[x] = (row[x] + (l if pa <= pb and pa <= pc else u if pb <= pc else ul)) & 255
        out[y] = row; prev = row
    return out.reshape(h, w, c)[:, :, :3]

def main():
    ap = argparse.ArgumentParser(); ap.add_argument("exe"); ap.add_argument("fixtures"); ap.add_argument("--timeout", type=float, default=300); a = ap.parse_args()
    exe = os.path.abspath(a.exe); C = Checks(); d = os.path.abspath(a.fixtures) + "/sdxl"; case = json.load(open(d + "/case.json", encoding="utf-8")); ex = read_safetensors(d + "/expected.safetensors"); tol = {k: v.get("atol") for k, v in case["tolerances"].items()}
    for i, p in enumerate(case["prompts"]):
        w = f"sdxl p{i}"; before = C.all; full = 10 + p["steps"]; rest = lambda: C.give_up(w, full - (C.all - before))
        with tempfile.TemporaryDirectory() as tmp:
            cmd = [exe, "--model", case["model"], "--precision", "float32", "--steps", str(p["steps"]), "--guidance", repr(p["guidance"]), "--size", f"{p['width']}x{p['height']}", "--negative", p["negative"], "--latents", p["latents_file"], "--dump", tmp + "/dump.safetensors", "--output", tmp + "/out.png", p["prompt"]]
            try: r = subprocess.run(cmd, cwd=d, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=a.timeout)
            except (OSError, subprocess.TimeoutExpired) as e: C(False, w, "runs", type(e).__name__ + " " + str(e)[:200]); rest(); continue
            if not C(r.returncode == 0, w, "exit status", "" if r.returncode == 0 else f"{r.returncode}; {r.stderr.decode('utf-8', 'replace')[-300:]}"): rest(); continue
            try: dump = read_safetensors(tmp + "/dump.safetensors")
            except Exception as e: C(False, w, "dump can be read", f"{type(e).__name__} {e}"); rest(); continue
            for k in ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds", "timesteps", "sigmas", "latents", "image"):
                g, t = dump.get(k), ex[f"p{i}.{k}"]
                C.array(w, k, g, t, tol[k])
            g = dump.get("latents")
            if g is not None and g.shape == ex[f"p{i}.latents"].shape:
                for s in range(p["steps"]): C.array(w, f"latents after step {s + 1}", g[s], ex[f"p{i}.latents"][s], tol["latents"])
            try:
                got, want = read_png(tmp + "/out.png"), read_png(f"{d}/{p['image_file']}")
                same = got.shape == want.shape; e = np.abs(got.astype(int) - want.astype(int)).max() if same else -1
                C(same and e <= tol_png(case), w, "PNG", f"largest difference {e} levels" if same else f"shape {got.shape}, expected {want.shape}")
            except Exception as e: C(False, w, "PNG", f"{type(e).__name__} {e}")
            rest()
    return C.end()
def tol_png(case): return case["tolerances"]["png"]["atol_levels"]
if __name__ == "__main__": sys.exit(main())
