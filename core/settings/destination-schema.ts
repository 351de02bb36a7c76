import { z } from 'zod'
import { LONGEST_LOCK_DAYS } from './bounds.ts'
import { isPlainAddress, isPrivateAddress } from './destination-catalog.ts'

export const absolutePathSchema = z
  .string()
  .max(4096)
  // node:path is not used, because the window validates with this schema, too.
  .refine((path) => /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path), 'must be an absolute path')
  .refine((path) => !path.includes('\0'), 'must not contain NUL: no path can')

/** The most random files that a destination reads again each day, to find damage. */
export const samplesSchema = z.object({
  /** 0: none. */
  filesPerDay: z.number().int().min(0).max(100_000),
  gibPerDay: z.number().positive().max(100_000),
})
export type Samples = z.infer<typeof samplesSchema>

const destinationBase = {
  id: z.string().min(1).max(128),
  name: z.string().min(1).max(200),
  /** Omitted: the default of its kind (getSamples). */
  samples: samplesSchema.optional(),
}
/** This computer's folder in a store that is used without a Holdfast receiver. */
const ownFolder = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!\.)[^/\\\p{Cc}]+$/u, 'must be one name, without / and without a dot at its beginning')
const encryption = {
  /** Contents are encrypted for this age recipient ("age1…"); null: not encrypted. */
  recipient: z
    .string()
    .regex(/^age1[0-9a-z]{10,100}$/, 'must be a whole public key of age, which begins with age1')
    .nullable()
    .default(null),
  /** Encrypts names too; requires a recipient. */
  hideNames: z.boolean().default(false),
}

/** A receiver on another computer, identified by the fingerprint of its certificate. */
export const receiverDestinationSchema = z.object({
  ...destinationBase,
  kind: z.literal('receiver'),
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  /** SHA-256 of the receiver's certificate (DER), 64 lower-case hexadecimal digits. */
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  /** Accepts the settings that it proposes without a question; omitted: a person decides. */
  acceptProposals: z.literal(true).optional(),
})
export type ReceiverDestination = z.infer<typeof receiverDestinationSchema>

/** A folder that a person has ejected. It is used again once its disk was away and is back. */
const ejectedSchema = z.object({
  /** Milliseconds since 1970. */
  since: z.number(),
  /** The mount point of its disk; null: unknown, or the disk that the system runs on. */
  point: absolutePathSchema.nullable(),
  /** Identifies the mount that was last seen there; null: nothing was mounted. */
  seen: z.string().nullable(),
})
export type Ejected = z.infer<typeof ejectedSchema>

/** A directory on this computer: a second disk or a mounted share. */
export const folderDestinationSchema = z.object({
  ...destinationBase,
  kind: z.literal('folder'),
  path: absolutePathSchema,
  ejected: ejectedSchema.optional(),
  ...encryption,
})
export type FolderDestination = z.infer<typeof folderDestinationSchema>

/** Encryption settings of a destination. */
export type Encryption = Pick<FolderDestination, 'recipient' | 'hideNames'>
export const NOT_ENCRYPTED: Encryption = { recipient: null, hideNames: false }

/** A computer with an SSH server. Secrets: `password`, or `key` (a private key in PEM) and its `passphrase`. */
export const sftpDestinationSchema = z.object({
  ...destinationBase,
  kind: z.literal('sftp'),
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535).default(22),
  user: z.string().min(1).max(100),
  /** Login method. agent: the SSH agent of this session; file: the private key in `keyFile`. */
  login: z.enum(['password', 'key', 'file', 'agent']).default('password'),
  keyFile: absolutePathSchema.nullable().default(null),
  /** "SHA256:" and the base64 digest of the server's host key, as ssh-keygen -l shows it. */
  hostKey: z
    .string()
    .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be SHA256: and 43 characters, as ssh-keygen -l shows it'),
  /** Directory on the server, absolute or relative to the login directory. */
  path: z.string().max(4096).default(''),
  folder: ownFolder,
  ...encryption,
})
export type SftpDestination = z.infer<typeof sftpDestinationSchema>

/** SHA-256 of a self-signed certificate (DER, hexadecimal); null: an authority must have signed the certificate. */
export const certificateSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 of 64 hexadecimal digits')
  .nullable()
  .default(null)

/** Days for which stored contents are locked. */
export const lockDaysSchema = z.number().int().min(1).max(LONGEST_LOCK_DAYS)

/** A bucket of an S3-compatible store. Secrets: `accessKey`, `secretKey`; by default the credentials of AWS's tools. */
export const s3DestinationSchema = z.object({
  ...destinationBase,
  kind: z.literal('s3'),
  /** "https://host[:port]". */
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must begin with https:// or http://' })
    .max(2000)
    // Must not contain secrets, because the address is displayed and exported.
    .refine(isPlainAddress, 'must be without user, password and ?…'),
  region: z.string().min(1).max(100).default('us-east-1'),
  bucket: z.string().min(1).max(255),
  /** Prefix of every name; "" or without slashes at its ends. */
  prefix: z.string().max(500).default(''),
  /** True if the bucket's name is in the path instead of the host name. */
  pathStyle: z.boolean().default(true),
  storageClass: z.string().min(1).max(100).nullable().default(null),
  /** Days for which each uploaded object is locked: no key can remove or shorten it. null: not at all. */
  lockDays: lockDaysSchema.nullable().default(null),
  certificate: certificateSchema,
  folder: ownFolder,
  ...encryption,
})
export type S3Destination = z.infer<typeof s3DestinationSchema>

/** A directory of a WebDAV server. Secret: `password`. */
export const webdavDestinationSchema = z.object({
  ...destinationBase,
  kind: z.literal('webdav'),
  /** "https://host[:port]/directory". */
  url: z
    .url({ protocol: /^https?$/, error: 'must begin with https://' })
    .max(2000)
    .refine(isPlainAddress, 'must be without user, password and ?…')
    .refine(isPrivateAddress, 'must begin with https://, because each request has the password'),
  user: z
    .string()
    .max(200)
    .regex(/^[^:\p{Cc}]+$/u, 'must be a name without a colon'),
  certificate: certificateSchema,
  folder: ownFolder,
  ...encryption,
})
export type WebdavDestination = z.infer<typeof webdavDestinationSchema>

export const destinationSchema = z
  .discriminatedUnion('kind', [
    receiverDestinationSchema,
    folderDestinationSchema,
    sftpDestinationSchema,
    s3DestinationSchema,
    webdavDestinationSchema,
  ])
  .refine(
    (one) => one.kind === 'receiver' || one.recipient !== null || !one.hideNames,
    'names are hidden only where contents are encrypted',
  )
export type Destination = z.infer<typeof destinationSchema>

/**
 * The defaults of samples. 231 files a day are 6,930 in 30 days, which show damage of 0.1 % with 99.9 %. From a server,
 * all bytes that are read cross the network.
 */
export const USUAL_SAMPLES = 231
const USUAL_GIB = { receiver: 10, folder: 10, sftp: 1, s3: 1, webdav: 1 } as const

/** Returns the most random files that a destination reads again each day. */
export const getSamples = ({ kind, samples }: Pick<Destination, 'kind' | 'samples'>): Samples =>
  samples ?? { filesPerDay: USUAL_SAMPLES, gibPerDay: USUAL_GIB[kind] }

// Schemas of destinations as entered by the user, before they are added to the settings.

/** Omitted: this computer's name, made valid. */
const folder = sftpDestinationSchema.shape.folder.optional()
const anyReceiver = receiverDestinationSchema.omit({ id: true, samples: true, acceptProposals: true })
const anyFolder = folderDestinationSchema.omit({ id: true, samples: true, ejected: true })
const anySftp = sftpDestinationSchema.omit({ id: true, samples: true }).extend({ folder })
const anyS3 = s3DestinationSchema.omit({ id: true, samples: true }).extend({ folder })
const anyWebdav = webdavDestinationSchema.omit({ id: true, samples: true }).extend({ folder })

/** A destination that can be added directly; receivers are paired instead. */
export const givenDestinationSchema = z.discriminatedUnion('kind', [anyFolder, anySftp, anyS3, anyWebdav])

/** A destination with changed connection settings. */
export const changedDestinationSchema = z.discriminatedUnion('kind', [
  anyReceiver,
  anyFolder,
  anySftp,
  anyS3,
  anyWebdav,
])
export type ChangedDestination = z.infer<typeof changedDestinationSchema>

/** A destination that can be tested. Its host key is "" if it is not known yet. */
export const testedDestinationSchema = z.discriminatedUnion('kind', [
  anyReceiver,
  anyFolder,
  anySftp.extend({ hostKey: sftpDestinationSchema.shape.hostKey.or(z.literal('')) }),
  anyS3,
  anyWebdav,
])
export type TestedDestination = z.infer<typeof testedDestinationSchema>

/**
 * The secrets of a destination or a channel, by the names of its kind. An empty value removes a secret; an omitted one
 * leaves it unchanged.
 */
export const givenSecretsSchema = z.record(z.string().max(100), z.string().max(10_000))
