import sys
src=open(__file__.replace("harness_dbg","harness")).read()
src=src.replace('    exec(code, program.__dict__)\n','    show("compiled"); exec(code, program.__dict__); show("ran")\n').replace('    import json\n    wish','    show("start")\n    import json\n    wish')
def show(w):
    d={}
    for l in open("/proc/self/status"):
        if l.startswith(("VmHWM","VmRSS","RssAnon","RssFile")): d[l.split(":")[0]]=int(l.split()[1])
    sys.stderr.write("%s %s\n"%(w,d))
__file__=__file__.replace("harness_dbg","harness")
exec(compile(src,__file__,"exec"))
