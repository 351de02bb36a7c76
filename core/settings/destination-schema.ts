import { z } from 'zod'
import {
  isAbsolutePath,
  isPlainAddress,
  isPrivateAddress,
  LONGEST_LOCK_DAYS,
  type PlainField,
  type TextField,
  type UrlField,
  type ValueOf,
} from '../backends/fields.ts'
import {
  type DestinationKind,
  destinationKinds,
  type FieldsOf,
  getKind,
  type kinds,
} from '../backends/kinds.ts'

export const absolutePathSchema = z
  .string()
  .max(4096)
  .refine(isAbsolutePath, 'must be an absolute path')
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

/** Fields that the form of a kind does not have. */
const memories = {
  receiver: {
    /** Accepts the settings that it proposes without a question; omitted: a person decides. */
    acceptProposals: z.literal(true).optional(),
  },
  folder: { ejected: ejectedSchema.optional() },
}

/** SHA-256 of a self-signed certificate (DER, hexadecimal); null: an authority must have signed the certificate. */
export const certificateSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 of 64 hexadecimal digits')
  .nullable()
  .default(null)

/** Days for which stored contents are locked. */
export const lockDaysSchema = z.number().int().min(1).max(LONGEST_LOCK_DAYS)

function buildText({ longest, pattern, default: usual }: TextField) {
  const text = z
    .string()
    .min(usual === '' ? 0 : 1)
    .max(longest)
  return pattern === undefined ? text : text.regex(pattern[0], pattern[1])
}

function buildUrl(field: UrlField) {
  const isPrivate = field.isPrivate === true
  const url = z
    .url({ protocol: /^https?$/, error: `must begin with https://${isPrivate ? '' : ' or http://'}` })
    .max(2000)
    // Must not contain secrets, because the address is displayed and exported.
    .refine(isPlainAddress, 'must be without user, password and ?…')
  return isPrivate
    ? url.refine(isPrivateAddress, 'must begin with https://, because each request has the password')
    : url
}

function buildValue(field: PlainField): z.ZodType {
  switch (field.type) {
    case 'text':
      return buildText(field)
    case 'url':
      return buildUrl(field)
    case 'port':
    case 'days':
      return z.number().int().min(1).max(field.most)
    case 'choice':
      return z.enum(field.choices)
    case 'switch':
      return z.boolean()
    case 'directory':
    case 'file':
      return absolutePathSchema
    case 'digest':
      return certificateSchema.unwrap().unwrap()
    case 'own-folder':
      return z
        .string()
        .min(1)
        .max(200)
        .regex(/^(?!\.)[^/\\\p{Cc}]+$/u, 'must be one name, without / and without a dot at its beginning')
  }
}

function buildField(field: PlainField): z.ZodType {
  const value = buildValue(field)
  const usual = 'default' in field ? field.default : undefined
  if (usual === undefined) return value
  return usual === null ? value.nullable().default(null) : value.default(usual)
}

type SchemaOf<F> = F extends { default: unknown }
  ? z.ZodDefault<z.ZodType<ValueOf<F>>>
  : z.ZodType<ValueOf<F>>
type EnteredSchemaOf<F> = F extends { type: 'own-folder' } ? z.ZodOptional<z.ZodType<string>> : SchemaOf<F>
type Plain<K extends DestinationKind> = Exclude<FieldsOf<K>, { type: 'secret' }>
type EncryptionOf<K extends DestinationKind> = (typeof kinds)[K]['encrypts'] extends true
  ? typeof encryption
  : unknown
type MemoryOf<K> = K extends keyof typeof memories ? (typeof memories)[K] : unknown

type KeptSchemas = {
  [K in DestinationKind]: z.ZodObject<
    typeof destinationBase & { kind: z.ZodLiteral<K> } & {
      [F in Plain<K> as F['name']]: SchemaOf<F>
    } & EncryptionOf<K> &
      MemoryOf<K>
  >
}
type EnteredSchemas = {
  [K in DestinationKind]: z.ZodObject<
    Pick<typeof destinationBase, 'name'> & { kind: z.ZodLiteral<K> } & {
      [F in Plain<K> as F['name']]: EnteredSchemaOf<F>
    } & EncryptionOf<K>
  >
}

/** Builds a schema for each kind, of its fields. TypeScript follows the fields by their types alone. */
const buildSchemas = <S>(
  base: z.ZodRawShape,
  build: (field: PlainField) => z.ZodType,
  more: Partial<Record<DestinationKind, z.ZodRawShape>> = {},
) =>
  Object.fromEntries(
    destinationKinds.map((kind) => {
      const { fields, encrypts } = getKind(kind)
      const plain = fields.flatMap((field) => (field.type === 'secret' ? [] : [[field.name, build(field)]]))
      const own = { ...Object.fromEntries(plain), ...(encrypts ? encryption : {}), ...more[kind] }
      return [kind, z.object({ ...base, kind: z.literal(kind), ...own })]
    }),
  ) as S

const toUnion = <S extends z.ZodObject>(schemas: readonly S[]) =>
  z.discriminatedUnion('kind', schemas as readonly [S, ...S[]])

export const destinationSchemas = buildSchemas<KeptSchemas>(destinationBase, buildField, memories)
export const destinationSchema = toUnion(Object.values(destinationSchemas)).refine(
  (one) => !('recipient' in one) || one.recipient !== null || !one.hideNames,
  'names are hidden only where contents are encrypted',
)
export type Destination = z.infer<typeof destinationSchema>
export type DestinationOf<K extends DestinationKind> = Extract<Destination, { kind: K }>
export type ReceiverDestination = DestinationOf<'receiver'>
export type FolderDestination = DestinationOf<'folder'>

/** Encryption settings of a destination. */
export type Encryption = Pick<FolderDestination, 'recipient' | 'hideNames'>
export const NOT_ENCRYPTED: Encryption = { recipient: null, hideNames: false }

/** The default of samples: 231 files a day are 6,930 in 30 days, which show damage of 0.1 % with 99.9 %. */
export const USUAL_SAMPLES = 231

/** Returns the most random files that a destination reads again each day. */
export const getSamples = ({ kind, samples }: Pick<Destination, 'kind' | 'samples'>): Samples =>
  samples ?? { filesPerDay: USUAL_SAMPLES, gibPerDay: getKind(kind).usualGib }

// Schemas of destinations as entered by the user, before they are added to the settings.

const { name } = destinationBase
const buildEntered = (field: PlainField) =>
  field.type === 'own-folder' ? buildField(field).optional() : buildField(field)
const buildTested = (field: PlainField) =>
  field.type === 'text' && field.isPresented === true
    ? buildEntered(field).or(z.literal(''))
    : buildEntered(field)
const enteredSchemas = buildSchemas<EnteredSchemas>({ name }, buildEntered)
const { receiver: _paired, ...addableSchemas } = enteredSchemas

/** A destination that can be added directly; receivers are paired instead. */
export const givenDestinationSchema = toUnion(Object.values(addableSchemas))

/** A destination with changed connection settings. */
export const changedDestinationSchema = toUnion(Object.values(enteredSchemas))
export type ChangedDestination = z.infer<typeof changedDestinationSchema>

/** A destination that can be tested. Its host key is "" if it is not known yet. */
export const testedDestinationSchema = toUnion(
  Object.values(buildSchemas<EnteredSchemas>({ name }, buildTested)),
)
export type TestedDestination = z.infer<typeof testedDestinationSchema>

/**
 * The secrets of a destination or a channel, by the names of its kind. An empty value removes a secret; an omitted one
 * leaves it unchanged.
 */
export const givenSecretsSchema = z.record(z.string().max(100), z.string().max(10_000))
