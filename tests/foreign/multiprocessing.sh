# needs python3:python3
python3 -I -c "import multiprocessing as m
if __name__ == '__main__':
 with m.get_context('fork').Pool(3) as p: print(p.map(str, range(40)))"
