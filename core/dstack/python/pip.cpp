#include "dstack/python/pip.hpp"

namespace dstack::python {

namespace {

/// Without the folder of pip's metadata: pip would consider itself installed when a requirement
/// names it.
constexpr const char* unpacker = R"py(
import glob, os, shutil, sys, sysconfig, zipfile
target = sys.argv[1]
folders = [sysconfig.get_config_var("WHEEL_PKG_DIR") or "", "/usr/share/python-wheels"]
try:
    import ensurepip
    folders.insert(0, os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
except ImportError:
    pass
wheels = [wheel for folder in folders if folder for wheel in glob.glob(os.path.join(folder, "pip-*.whl"))]
if wheels:
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(target, [name for name in wheel.namelist() if name.startswith("pip/")])
else:
    try:
        import pip
    except ImportError:
        sys.exit("No module named ensurepip, and no pip either")
    shutil.copytree(os.path.dirname(pip.__file__), os.path.join(target, "pip"))
)py";

Path pip_folder(const InstallContext& context) {
  return context.stage / ".pip";
}

}  // namespace

Result<Transcript> unpack_pip(const InstallContext& context, const Path& interpreter) {
  return run_installer(context,
                       {interpreter.string(), "-c", unpacker, pip_folder(context).string()});
}

std::vector<std::string> pip_command(const InstallContext& context, const Path& python) {
  return {python.string(), (pip_folder(context) / "pip").string()};
}

}  // namespace dstack::python
