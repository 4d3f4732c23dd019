// The only file that talks HTTP: session cookie, CSRF token, problem+json errors.

const BASE = "/api/v1/";

export interface FieldError {
  pointer: string;
  code: string;
  detail: string;
}

/** A refused or failed request, with what the operator must be told. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly requestId: string,
    readonly fields: FieldError[] = [],
  ) {
    super(message);
  }
}

function cookie(name: string): string {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

export function csrfToken(): string {
  return (
    cookie("csrftoken") ||
    (document.querySelector<HTMLMetaElement>('meta[name="derms-csrf"]')?.content ?? "")
  );
}

export function goToLogin(): void {
  const { pathname, search } = window.location;
  window.location.assign(`/login?next=${encodeURIComponent(pathname + search)}`);
}

async function failure(response: Response): Promise<ApiError> {
  const requestId = response.headers.get("X-Correlation-ID") ?? response.headers.get("X-Request-ID");
  const body = (await response.json().catch(() => ({}))) as {
    detail?: string;
    code?: string;
    request_id?: string;
    errors?: FieldError[];
  };
  return new ApiError(
    body.detail ?? `The server answered ${response.status}.`,
    response.status,
    body.code ?? "",
    body.request_id ?? requestId ?? "",
    body.errors ?? [],
  );
}

export interface Request {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  /** Sent as it is instead of as JSON. */
  raw?: { content: BodyInit; type: string };
  ifMatch?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Made by the console by itself; does not count as use of the session. */
  background?: boolean;
  /** The same key on a repeated POST gives the first answer again, not a second effect. */
  idempotencyKey?: string | undefined;
}

export interface Answer<T> {
  data: T;
  etag: string;
  location: string;
}

function headersOf({ method = "GET", body, raw, ifMatch, background, idempotencyKey }: Request): Headers {
  const headers = new Headers({ Accept: "application/json" });
  if (raw) headers.set("Content-Type", raw.type);
  else if (body !== undefined) headers.set("Content-Type", "application/json");
  if (ifMatch) headers.set("If-Match", ifMatch);
  if (method !== "GET") headers.set("X-CSRFToken", csrfToken());
  if (method === "GET" || background) headers.set("X-Derms-Background", "1");
  if (method === "POST") headers.set("Idempotency-Key", idempotencyKey ?? newKey());
  return headers;
}

export function newKey(): string {
  // randomUUID exists only on https and localhost; an intranet name over http has neither.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bodyOf({ raw, body }: Request): BodyInit | null {
  if (raw) return raw.content;
  return body === undefined ? null : JSON.stringify(body);
}

async function reach(path: string, options: Request): Promise<Response> {
  try {
    return await fetch(path.startsWith("/") ? path : BASE + path, {
      method: options.method ?? "GET",
      headers: headersOf(options),
      body: bodyOf(options),
      credentials: "same-origin",
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError("The server cannot be reached.", 0, "unreachable", "");
  }
}

export async function request<T>(path: string, options: Request = {}): Promise<Answer<T>> {
  const response = await reach(path, options);
  if (response.status === 401) goToLogin();
  if (!response.ok) throw await failure(response);
  const text = await response.text();
  return {
    data: (text === "" ? null : JSON.parse(text)) as T,
    etag: response.headers.get("ETag") ?? "",
    location: response.headers.get("Location") ?? "",
  };
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request<T>(path, { signal })).data;
}

export async function post<T>(path: string, body?: unknown, options: Request = {}): Promise<T> {
  return (await request<T>(path, { ...options, method: "POST", body: body ?? {} })).data;
}

type Param = string | number | boolean | null | undefined | readonly string[];

/** Query string of what is set; empty when nothing is. */
export function query(params: Record<string, Param>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value == null || value === "" || (Array.isArray(value) && value.length === 0)) continue;
    search.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}
