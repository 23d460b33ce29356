"""Holds each line of standard input, the parameters of a RegisterTaskDefinition, against botocore's model. Prints what is wrong, or nothing."""

import json
import sys

import botocore.session
from botocore.validate import ParamValidator

model = botocore.session.get_session().get_service_model("ecs")
shape = model.operation_model("RegisterTaskDefinition").input_shape
for line in sys.stdin:
    report = ParamValidator().validate(json.loads(line), shape)
    print(json.dumps(report.generate_report()), flush=True)
