export interface CimMessage {
  mrid: string;
  direction: "in" | "out";
  client: string;
  address: string;
  path: string;
  verb: string;
  noun: string;
  message_id: string;
  correlation_id: string;
  request_id: string;
  received_at: string;
  duration_ms: number | null;
  http_status: number | null;
  result: string;
  code: string;
  details: string;
  request_size: number;
  reply_size: number;
  replays: number;
  request_xml?: string;
  reply_xml?: string;
}
