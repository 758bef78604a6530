/**
 * The options that come in several shapes: Redis, object stores, keys. Options whose name is in
 * `secretNames` hold a secret: redact() hides them and load.ts wants them out of readable files.
 */
import { z } from 'zod'
import * as value from './values.ts'

/** The last part of every option that is a secret as a whole. */
export const secretNames: readonly string[] = [
  'password',
  'sentinelPassword',
  'secretAccessKey',
  'secret',
]

const port = (preset: number) => value.integer(preset, 1, 65535, 'TCP port.')

const host = value
  .text('host', (text) => text !== '', 'a host name or an IP address')
  .describe('Host name or IP address.')

const login = {
  username: value.filled.exactOptional().describe('User of the Redis ACL.'),
  password: value.filled.exactOptional().describe('Its password.'),
  tls: z.boolean().default(false).describe('Whether to speak TLS to the servers.'),
}

const sentinels = z.strictObject({
  sentinels: z
    .array(z.strictObject({ host, port: port(26379) }))
    .min(1)
    .meta({ 'x-default': 'none', description: 'Redis Sentinel: where the sentinels are.' }),
  name: value.filled.meta({
    'x-default': 'required with sentinels',
    description: 'Redis Sentinel: the name of the master.',
  }),
  sentinelUsername: value.filled.exactOptional().describe('User at the sentinels themselves.'),
  sentinelPassword: value.filled.exactOptional().describe('Password at the sentinels themselves.'),
  db: value.integer(0, 0, 1_000_000, 'Number of the logical database.'),
  ...login,
})

const cluster = z.strictObject({
  cluster: z
    .array(z.strictObject({ host, port: port(6379) }))
    .min(1)
    .meta({ 'x-default': 'none', description: 'Redis Cluster: some of its nodes.' }),
  ...login,
})

export const redis = z.union([value.redisUrl, sentinels, cluster])

const dir = {
  type: z.literal('dir'),
  path: value.path.exactOptional(),
}

const s3 = {
  type: z.literal('s3'),
  endpoint: value.httpUrl
    .exactOptional()
    .describe('S3 endpoint; without it Amazon S3 of the region.'),
  region: value.filled.default('us-east-1').describe('Region that requests are signed for.'),
  forcePathStyle: z
    .boolean()
    .default(false)
    .describe('Whether the bucket stands in the path rather than in the host name (Ceph, MinIO).'),
  accessKeyId: value.filled
    .exactOptional()
    .describe(
      "Access key; without it the AWS SDK's own chain (environment, profile, instance role).",
    ),
  secretAccessKey: value.filled.exactOptional().describe('The secret to accessKeyId.'),
}

/** A store without a bucket: buckets that nothing maps live in it. */
export const store = z.discriminatedUnion('type', [
  z.strictObject({
    ...dir,
    path: dir.path
      .meta({ 'x-default': 'dataDir/store' })
      .describe('Directory; each bucket is one below it.'),
  }),
  z.strictObject(s3),
])

/** One bucket of a rule, as it is here. */
export const bucket = z.discriminatedUnion('type', [
  z.strictObject({
    ...dir,
    path: dir.path
      .meta({ 'x-default': 'dataDir/store/NAME' })
      .describe('Directory of this bucket.'),
  }),
  z.strictObject({ ...s3, bucket: value.filled.describe('Name of the bucket at the endpoint.') }),
])

const nacl = z.strictObject({
  type: z.literal('nacl').describe('Kind of key: the Postern envelope, X25519.'),
  publicKey: value.publicKey.describe('The public key, or the `.pub` file that holds it.'),
})

/** What the formats of Amazon's S3 Encryption Clients have in common. */
const s3ec = {
  format: value.choice(
    ['v3', 'v2'],
    'v3',
    'Format of the S3 Encryption Client: `v3` commits to its key, `v2` is for readers that cannot be upgraded.',
  ),
  context: value.pairs
    .default({})
    .describe(
      'Pairs written into every object: the material description, with KMS the encryption context, which readers then have to give. Not secret.',
    ),
}

const rsa = z.strictObject({
  type: z.literal('rsa').describe('Kind of key: an AWS S3 Encryption Client format, RSA-OAEP.'),
  publicKey: value.publicKeyPem.describe('The file of the public key, in PEM: 2048 to 4096 bits.'),
  ...s3ec,
})

const aes = z.strictObject({
  type: z.literal('aes').describe('Kind of key: an AWS S3 Encryption Client format, AES-GCM.'),
  keyFile: value.path.describe(
    'The file of the key, 16, 24 or 32 octets, which only this user may read. A server with it can read what it stored.',
  ),
  ...s3ec,
})

const kms = z.strictObject({
  type: z.literal('kms').describe('Kind of key: an AWS S3 Encryption Client format, AWS KMS.'),
  arn: value.kmsArn.describe('The KMS key or alias; the server needs kms:GenerateDataKey on it.'),
  region: value.filled.exactOptional().meta({
    'x-default': "the ARN's",
    description: 'Region of the key.',
  }),
  endpoint: value.httpUrl.exactOptional().describe('Where KMS is, if not at AWS.'),
  accessKeyId: s3.accessKeyId,
  secretAccessKey: s3.secretAccessKey,
  ...s3ec,
})

export const key = z.discriminatedUnion('type', [nacl, rsa, aes, kms], {
  error: ({ code }) => (code === 'invalid_union' ? 'must be nacl, rsa, aes or kms' : undefined),
})
