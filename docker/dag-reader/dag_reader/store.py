"""What the reader asks S3: single objects, by their whole keys. It needs s3:GetObject on the prefix, and nothing else."""

import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


class StoreError(Exception):
    """An object cannot be had now. `hopeless`: nor later, unless somebody mends a setting."""

    def __init__(self, message: str, hopeless: bool = False):
        super().__init__(message)
        self.hopeless = hopeless


class Store:
    """The prefix of a location in a bucket."""

    def __init__(self, bucket: str, prefix: str):
        self.bucket = bucket
        self.prefix = prefix
        # On ECS the region is in AWS_REGION, which boto3 does not read.
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
        self._s3 = boto3.client("s3", region_name=region, config=config)

    def read_json(self, key: str, etag: str | None = None):
        """The object and its ETag; None when it still has the ETag that is given."""
        response = self._get(key, {} if etag is None else {"IfNoneMatch": etag})
        if response is None:
            return None
        try:
            value = json.loads(_body(response, self._where(key)))
        except ValueError as error:
            raise StoreError(f"{self._where(key)} is not JSON: {error}.") from error
        if not isinstance(value, dict) or value.get("schema") != 1:
            raise StoreError(f"{self._where(key)} is not of a kind that this reader knows. Update the reader.")
        return value, response["ETag"]

    def download(self, key: str, file, most: int) -> None:
        """Writes an object to a file, and stops when it is longer than it may be."""
        response = self._get(key, {})
        written = 0
        try:
            for chunk in response["Body"].iter_chunks(1 << 20):
                written += len(chunk)
                if written > most:
                    raise StoreError(f"{self._where(key)} is longer than its manifest says.")
                file.write(chunk)
        except BotoCoreError as error:
            raise StoreError(f"{self._where(key)} broke off after {written} bytes: {error}.") from error

    def _get(self, key: str, condition: dict):
        try:
            return self._s3.get_object(Bucket=self.bucket, Key=self.prefix + key, **condition)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 304:
                return None
            raise self._explained(key, error) from error
        except BotoCoreError as error:
            raise StoreError(f"{self._where(key)} cannot be read: {error}.", type(error).__name__ in _hopeless) from error

    def _explained(self, key: str, error: ClientError) -> StoreError:
        code = error.response["Error"]["Code"]
        where = self._where(key)
        if code == "NoSuchBucket":
            return StoreError(f"There is no bucket {self.bucket}. Check the variable DAGSTER_S3_BUCKET.", hopeless=True)
        if code in ("NoSuchKey", "404"):
            return StoreError(f"There is no {where}. Check the prefix, and that something was published there.")
        if code in ("AccessDenied", "403"):
            return StoreError(
                f"{where} may not be read, or is not there: without s3:ListBucket, S3 says the same of both. The role of this task "
                f"needs s3:GetObject on arn:aws:s3:::{self.bucket}/{self.prefix}*; and something has to be published there."
            )
        return StoreError(f"{where} cannot be read: {code}: {error.response['Error'].get('Message', '')}")

    def _where(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{key}"


_hopeless = {"NoCredentialsError", "PartialCredentialsError", "NoRegionError", "ParamValidationError"}


def _body(response, where: str) -> bytes:
    try:
        return response["Body"].read()
    except BotoCoreError as error:
        raise StoreError(f"{where} broke off: {error}.") from error
