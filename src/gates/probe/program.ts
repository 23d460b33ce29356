/** Variables in which the task finds user and password, where there is a login. */
export const loginVariables = { username: "DAGSTER_ECS_USERNAME", password: "DAGSTER_ECS_PASSWORD" } as const;

/** Variable with the names of headers that a login wants, as a JSON list; the value of each is in {@link headerVariable}. */
export const headersVariable = "DAGSTER_ECS_HEADERS";

export function headerVariable(index: number | string): string {
  return `DAGSTER_ECS_HEADER_${index}`;
}

/**
 * What the task runs that asks a webserver from inside the VPC. It judges nothing: it reads a letter with questions, sends each of
 * them once, and prints what came back; {@link probe} writes the letter and reads the lines.
 *
 * - The letter is an object in the stack's bucket, read under an address that is signed, so that the task needs no rights of its own.
 *   A letter for another task means that nobody listens to this one any more: it ends.
 * - Nor does it outlive its last question by long, whatever became of the job that started it.
 * - User and password, or headers, where somebody in front of Dagster wants them, are secrets that ECS gives it. They go to the base URL of its own
 *   command alone: whoever can write the letter must not be able to have them sent elsewhere.
 * - A header whose value cannot be sent is said by its name, and ends it: Python's own words about it hold the value. Values: RFC 9110, 5.5.
 * - An answer may be longer than a line of a log: it is printed packed, in parts. Those of number 0 are about the letter itself, or the headers.
 * - The kernel keeps SIGTERM from process 1 unless it waits for it.
 *
 * In the words of Python 3.8 and its standard library. Proxies are those of the environment.
 */
export const probeProgram = String.raw`import base64, json, os, re, signal, sys, threading, time, urllib.error, urllib.request, zlib
mark, letter, life, idle, front = sys.argv[1:]
user, password = (os.environ.get("${loginVariables.username}"), os.environ.get("${loginVariables.password}"))
login = {} if password is None else {"authorization": "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()}
for at, name in enumerate(json.loads(os.environ.get("${headersVariable}") or "[]")): login[name] = os.environ["${headerVariable("%d")}" % at]
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
out = threading.Lock()

class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_): return None

opener = urllib.request.build_opener(Stay)

def say(number, answer):
    text = base64.b64encode(zlib.compress(json.dumps(answer).encode())).decode()
    parts = [text[at:at + 8000] for at in range(0, len(text), 8000)]
    with out:
        for index, part in enumerate(parts): print(mark, number, index + 1, len(parts), part, flush=True)

def fetch(url, body, headers, seconds):
    request = urllib.request.Request(url, None if body is None else body.encode(), headers)
    try: reply = opener.open(request, timeout=seconds)
    except urllib.error.HTTPError as error: reply = error
    with reply: return reply.getcode(), reply.headers, reply.read().decode("utf-8", "replace")

def ask(number, url, body):
    headers = dict(login) if url.startswith(front + "/") else {}
    headers["accept"] = "application/json"
    if body is not None: headers["content-type"] = "application/json"
    try:
        status, found, text = fetch(url, body, headers, 15)
        say(number, {"status": status, "location": found.get("location"), "challenge": found.get("www-authenticate"), "body": text})
    except Exception as error: say(number, {"error": str(error) or type(error).__name__})

unfit = [name for name, value in login.items() if not re.fullmatch(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?", value)]
if unfit:
    say(0, {"unfit": unfit})
    sys.exit(1)

begun = last = read = time.monotonic()
known, seen = {}, set()
while time.monotonic() - begun < float(life) and time.monotonic() - last < float(idle):
    try:
        status, headers, text = fetch(letter, None, known, 10)
        if status == 200:
            now = json.loads(text)
            if now["for"] != mark: break
            for question in now["questions"]:
                if question["number"] in seen: continue
                seen.add(question["number"])
                threading.Thread(target=ask, args=(question["number"], question["url"], question["body"]), daemon=True).start()
                last = time.monotonic()
            known = {"if-none-match": headers.get("etag") or ""}
        if status in (200, 304): read = time.monotonic()
        else: why = "HTTP %s: %s" % (status, text[:300])
    except Exception as error: why = str(error) or type(error).__name__
    if time.monotonic() - read > 30:
        say(0, {"error": why})
        sys.exit(1)
    time.sleep(0.5)
`;
