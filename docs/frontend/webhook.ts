/** How old a message may be that somebody sends again, and how far clocks may be apart. */
const TOLERANCE_SEC = 300;

/** Whether a message came from Montage: `secret` is that of `PUT /api/webhook` (`whsec_…`). */
export async function verified(secret: string, headers: Headers, body: string): Promise<boolean> {
  const [id, timestamp] = [headers.get("webhook-id"), headers.get("webhook-timestamp")];
  const ageSec = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!id || !timestamp || !(ageSec < TOLERANCE_SEC)) return false;
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const raw = bytesOf(secret.replace(/^whsec_/, ""));
  const key = await crypto.subtle.importKey("raw", raw, hmac, false, ["verify"]);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  for (const signature of (headers.get("webhook-signature") ?? "").split(" ")) {
    const [version, base64 = ""] = signature.split(",");
    if (version !== "v1") continue;
    if (await crypto.subtle.verify("HMAC", key, bytesOf(base64), signed)) return true;
  }
  return false;
}

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
