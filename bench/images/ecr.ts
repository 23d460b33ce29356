import { createServer } from "node:http";
import { listen } from "../../test/loopback.ts";

/** ECR's API, as far as it says where its registry is: at an address of our choice, which lets everybody in. */
export async function openEcrApi(registry: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const token = Buffer.from("AWS:nobody").toString("base64");
  const server = createServer((request, response) => {
    request.resume();
    const isToken = String(request.headers["x-amz-target"]).endsWith(".GetAuthorizationToken");
    response.writeHead(isToken ? 200 : 400, { "content-type": "application/x-amz-json-1.1" });
    const expiresAt = Date.now() / 1000 + 43_200;
    const data = { authorizationToken: token, proxyEndpoint: `http://${registry}`, expiresAt };
    response.end(JSON.stringify(isToken ? { authorizationData: [data] } : { __type: "InvalidAction" }));
  });
  return listen(server);
}
