"""What a boto3 program does with the bed. Prints one JSON object; any surprise is an uncaught exception."""

import json
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

ecs = boto3.client("ecs", config=Config(retries={"max_attempts": 2}))
seen = {}


def register(command):
    answer = ecs.register_task_definition(
        family="app",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": "registry/app:1", "command": command}],
    )
    return answer["taskDefinition"]["taskDefinitionArn"]


def described():
    return ecs.describe_services(cluster="main", services=["app"])["services"][0]


def until(met, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        service = described()
        if met(service):
            return service
        time.sleep(0.1)
    raise RuntimeError(f"it never came: {json.dumps(service, default=str)}")


network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
ecs.create_cluster(clusterName="main")
good = register(["serve"])
created = ecs.create_service(
    cluster="main",
    serviceName="app",
    taskDefinition=good,
    desiredCount=2,
    networkConfiguration=network,
    deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
)
waiter = ecs.get_waiter("services_stable")
waiter.wait(cluster="main", services=["app"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
seen["created"] = described()["runningCount"]
# The waiter counts tasks; the deployment goes on until they have settled.
until(lambda s: s["deployments"][0]["rolloutState"] == "COMPLETED")

# A rolling update.
ecs.update_service(cluster="main", service="app", taskDefinition=register(["serve", "again"]))
service = until(lambda s: len(s["deployments"]) == 1 and s["deployments"][0]["rolloutState"] == "COMPLETED")
seen["updated"] = service["taskDefinition"].split("/")[-1]
seen["createdAt is a time"] = service["createdAt"].year >= 2020

# A crash loop that ECS takes back.
answer = ecs.update_service(cluster="main", service="app", taskDefinition=register(["crash"]))
mine = answer["service"]["deployments"][0]["id"]
service = until(lambda s: all(d["id"] != mine for d in s["deployments"]) and s["deployments"][0]["rolloutState"] == "COMPLETED")
seen["rolled back to"] = service["taskDefinition"].split("/")[-1]
listed = ecs.list_service_deployments(cluster="main", service="app")["serviceDeployments"]
seen["service deployments"] = [one["status"] for one in listed]
newest = ecs.describe_service_deployments(serviceDeploymentArns=[listed[0]["serviceDeploymentArn"]])
seen["breaker"] = newest["serviceDeployments"][0]["deploymentCircuitBreaker"]["status"]
waiter.wait(cluster="main", services=["app"], WaiterConfig={"Delay": 1, "MaxAttempts": 5})
seen["waiter after the rollback"] = "stable"

# Pages.
pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix="app", PaginationConfig={"PageSize": 2})
seen["pages"] = [len(page["taskDefinitionArns"]) for page in pages]
tasks = ecs.get_paginator("list_tasks").paginate(cluster="main", serviceName="app", PaginationConfig={"PageSize": 1})
seen["tasks"] = sum(len(page["taskArns"]) for page in tasks)

# A task that runs once.
ran = ecs.run_task(
    cluster="main",
    taskDefinition=register(["once"]),
    networkConfiguration=network,
    overrides={"containerOverrides": [{"name": "app", "command": ["once"], "environment": [{"name": "A", "value": "1"}]}]},
)
arn = ran["tasks"][0]["taskArn"]
ecs.get_waiter("tasks_stopped").wait(cluster="main", tasks=[arn], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
stopped = ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
seen["ran"] = [stopped["stopCode"], stopped["containers"][0]["exitCode"]]

# Refusals.
try:
    ecs.describe_services(cluster="main", servicez=["app"])
except ParamValidationError:
    seen["typo"] = "refused by boto3"
try:
    ecs.update_service(cluster="main", service="nope")
except ecs.exceptions.ServiceNotFoundException as error:
    seen["unknown service"] = error.response["Error"]["Message"]
try:
    ecs.describe_services(cluster="nope", services=["app"])
except ClientError as error:
    seen["unknown cluster"] = error.response["Error"]["Code"]

# The neighbours, over query and XML.
ec2, elb, iam = boto3.client("ec2"), boto3.client("elbv2"), boto3.client("iam")
subnets = ec2.describe_subnets(Filters=[{"Name": "tag:Tier", "Values": ["private"]}])["Subnets"]
seen["subnets"] = [[s["SubnetId"], s["Tags"][0]["Value"], s["MapPublicIpOnLaunch"]] for s in subnets]
groups = elb.describe_target_groups(Names=["app"])["TargetGroups"]
seen["target group"] = [groups[0]["Port"], groups[0]["Matcher"]["HttpCode"]]
seen["target health"] = elb.describe_target_health(TargetGroupArn=groups[0]["TargetGroupArn"])["TargetHealthDescriptions"]
seen["role"] = iam.get_role(RoleName="task")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Action"]
scaling = boto3.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
seen["scaling"] = [one["MaxCapacity"] for one in scaling["ScalableTargets"]]
try:
    ec2.describe_subnets(SubnetIds=["subnet-9"])
except ClientError as error:
    seen["unknown subnet"] = error.response["Error"]["Code"]
names = boto3.client("servicediscovery")
seen["names"] = [service["Name"] for service in names.list_services()["Services"]]
try:
    names.get_service(Id="srv-9")
except names.exceptions.ServiceNotFound as error:
    seen["unknown name"] = error.response["Error"]["Code"]

print(json.dumps(seen))
