import { createHash, createHmac } from 'node:crypto';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/**
 * Headers of a POST signed by AWS's version 4
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html), for services that have no SDK here.
 * The path must need no escaping, and there is no query.
 */
export const signRequest = (
  { url, headers, body }: { url: URL; headers: Record<string, string>; body: string },
  by: { service: string; region: string; accessKeyId: string; secretAccessKey: string },
): Record<string, string> => {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const day = time.slice(0, 8);
  const signed: Record<string, string> = { ...headers, host: url.host, 'x-amz-date': time };
  const names = Object.keys(signed).sort();
  const canonical = ['POST', url.pathname, '', ...names.map((name) => `${name}:${signed[name]}`), '', names.join(';')];
  const scope = `${day}/${by.region}/${by.service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256([...canonical, sha256(body)].join('\n'))].join('\n');
  const key = [day, by.region, by.service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${by.secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  const { host: _, ...sent } = signed;
  const credential = `Credential=${by.accessKeyId}/${scope}`;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
};
