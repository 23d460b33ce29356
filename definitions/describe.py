"""Says which definitions Dagster finds in some code, as JSON, in the same words for every Dagster from 1.9 on.

    python describe.py --location shop --module-name shop.definitions > definitions.json

Run it where the code runs: in its image, or in an environment with its packages. Nothing is started, and no database is asked; the
code is loaded as `dagster api grpc` loads it. What the code prints goes to standard error. When the code does not load, the JSON says why,
and the exit code is 1.
"""

import argparse
import importlib.util
import json
import os
import sys
import traceback


def options(arguments):
    parser = argparse.ArgumentParser(prog="describe.py", description=__doc__.splitlines()[0])
    parser.add_argument("--location", default=None, help="name of the code location, as the stack file has it")
    parser.add_argument("-m", "--module-name", help="module that holds the definitions")
    parser.add_argument("-f", "--python-file", help="file that holds the definitions")
    parser.add_argument("--package-name", help="package that holds the definitions")
    parser.add_argument("-a", "--attribute", help="name of the definitions in it, where there are several")
    parser.add_argument("-d", "--working-directory", help="where the code server is started; the current folder unless told")
    parser.add_argument("-o", "--output", help="file to write; standard output unless told")
    asked = parser.parse_args(arguments)
    if sum(map(bool, (asked.module_name, asked.python_file, asked.package_name))) != 1:
        parser.error("one of --module-name, --python-file and --package-name is needed")
    return asked


def repositories(asked):
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._grpc.server import LoadedRepositories

    origin = LoadableTargetOrigin(
        executable_path=sys.executable,
        python_file=asked.python_file,
        module_name=asked.module_name,
        package_name=asked.package_name,
        working_directory=os.path.abspath(asked.working_directory or os.getcwd()),
        attribute=asked.attribute,
    )
    # Its parameters differ between versions, but for these names.
    known = LoadedRepositories.__init__.__code__.co_varnames
    others = {"container_image": None, "container_context": None}
    given = {name: value for name, value in others.items() if name in known}
    loaded = LoadedRepositories(loadable_target_origin=origin, entry_point=["dagster"], **given)
    return [described(name, loaded.definitions_by_name[name]) for name in sorted(loaded.definitions_by_name)]


def described(name, repository):
    return {
        "name": name,
        "jobs": [{"name": job} for job in sorted(job.name for job in repository.get_all_jobs())],
        "schedules": [schedule(one) for one in sorted(repository.schedule_defs, key=lambda one: one.name)],
        "sensors": [sensor(one) for one in sorted(repository.sensor_defs, key=lambda one: one.name)],
        "assets": assets(repository.asset_graph),
    }


def schedule(one):
    cron = one.cron_schedule
    return {
        "name": one.name,
        "job": one.job_name,
        "cron": cut(cron if isinstance(cron, str) else str(list(cron)), 1000),
        "timezone": cut(one.execution_timezone or "UTC", 100),
    }


def sensor(one):
    return {"name": one.name, "type": one.sensor_type.value, "jobs": sorted(target.job_name for target in one.targets)}


def assets(graph):
    nodes = sorted(graph.asset_nodes, key=lambda node: node.key.path)
    return [
        {
            "key": list(node.key.path),
            "group": node.group_name,
            "isMaterializable": node.is_materializable,
            "partitions": None if node.partitions_def is None else cut(str(node.partitions_def), 1000),
        }
        for node in nodes
    ]


def failure(error):
    """The words of whoever raised it first, and the last place that is not a package's."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, SyntaxError):
        places = [(error.filename or "", error.lineno)]
    else:
        places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [place for place in places if not place[0].startswith("<") and not is_package(place[0])]
    return {
        "words": cut("%s: %s" % (type(error).__name__, error), 500),
        "module": cut(error.name, 200) if isinstance(error, ModuleNotFoundError) and error.name else None,
        "place": cut("%s:%s" % own[-1], 1000) if own else None,
    }


def is_package(path):
    folders = [os.path.dirname(os.__file__)]
    found = importlib.util.find_spec("dagster")
    if found is not None and found.origin is not None:
        folders.append(os.path.dirname(os.path.dirname(os.path.abspath(found.origin))))
    return path.startswith(tuple(folder + os.sep for folder in folders))


def cut(text, most):
    """So many UTF-16 units of it, whole characters only: whoever reads this counts those. A half of a pair is none."""
    units = text.encode("utf-16-le", "replace")[: 2 * most]
    return units.decode("utf-16-le", "ignore")


def main(arguments):
    asked = options(arguments)
    out = os.dup(1)
    os.dup2(2, 1)
    said = {"format": 1, "location": asked.location}
    try:
        import dagster

        said["dagster"] = dagster.__version__
        said["repositories"] = repositories(asked)
    except BaseException as error:
        traceback.print_exc()
        said["failure"] = failure(error)
    text = json.dumps(said, sort_keys=True) + "\n"
    if asked.output is None:
        with os.fdopen(out, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        with open(asked.output, "w", encoding="utf-8") as file:
            file.write(text)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if "failure" in said else 0)


main(sys.argv[1:])
