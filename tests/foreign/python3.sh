# needs python3:python3
python3 -I -c "import concurrent.futures as c, subprocess, zlib, re, json
with c.ThreadPoolExecutor(4) as p: print(sum(p.map(lambda n: zlib.crc32(json.dumps(list(range(n))).encode()), range(300))))
print(subprocess.run(['echo', 'child'], capture_output=True).stdout, len(re.findall('1+', '%o' % 9**999)))
raise SystemExit(7)"
