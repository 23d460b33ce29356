"""`ecs update` of ecs-deploy, once for each line of standard input: a mapping with arn, container, image and caller."""

import json
import sys

from click.testing import CliRunner
from ecs_deploy.cli import update

for line in sys.stdin:
    asked = json.loads(line)
    argv = [asked["arn"], "--image", asked["container"], asked["image"], "--no-deregister"]
    keys = ["--access-key-id", asked["caller"], "--secret-access-key", "secret"]
    result = CliRunner().invoke(update, argv + keys)
    failed = result.exception is not None and not isinstance(result.exception, SystemExit)
    said = repr(result.exception) if failed else result.output
    print(json.dumps({"code": result.exit_code, "said": said}), flush=True)
