# Asked by tools/link-python: what the base Python knows of its own build, one "name=value" a line.
import os
import sys
import sysconfig

get = sysconfig.get_config_var


def show(name, value):
    print(f"{name}={value if value is not None else ''}")


# Whether this very interpreter runs on the shared library decides how we link: its extension modules may expect
# the one form or the other (Debian configures --enable-shared, yet its python3.11 is linked statically).
with open("/proc/self/maps") as maps:
    runs_shared = f"/libpython3.11{sys.abiflags}.so" in maps.read()

show("version", "%d.%d.%d" % sys.version_info[:3])
show("build", sys.version.replace("\n", " "))
show("executable", getattr(sys, "_base_executable", None) or sys.executable)
show("prefix", sys.base_prefix)
show("exec_prefix", sys.base_exec_prefix)
show("include", get("INCLUDEPY"))
show("debug", get("Py_DEBUG") or 0)
show("ext_suffix", get("EXT_SUFFIX"))
archive = os.path.join(get("LIBPL") or "", get("LIBRARY") or "libpython3.11.a")
shared = os.path.join(get("LIBDIR") or "", get("LDLIBRARY") or "libpython3.11.so")
form = "static" if os.path.isfile(archive) and not runs_shared else "shared" if os.path.isfile(shared) else "none"
show("form", form)
show("library", archive if form == "static" else shared)
show("libs", " ".join(get(name) or "" for name in ("MODLIBS", "LIBS", "SYSLIBS")))
