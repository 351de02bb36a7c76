import type { DestinationField } from '../backends/fields.ts'
import { getDestinationSecrets, getKind, hasOwnFolder } from '../backends/kinds.ts'
import { formatAddress, shellWord } from '../lib/i18n/formats.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { folderName } from '../protocol/names.ts'
import type { DataLayout } from './data-directory.ts'
import {
  type ChangedDestination,
  type Destination,
  type Ejected,
  type FolderDestination,
  NOT_ENCRYPTED,
  type ReceiverDestination,
  type Samples,
  type TestedDestination,
} from './destination-schema.ts'
import { withoutMuted } from './muting.ts'
import { MOST_DESTINATIONS, type Settings, type ShownSettings, type Source } from './schema.ts'
import type { SecretOwner } from './secret-owner.ts'

// Pure functions that look up, add, change and remove destinations in the settings. Pairing adds receivers
// (`withDestination`); `withAdded` adds all other kinds.

/** The ledger's name for the folder on this computer that receives files while no destination is set. */
export const EMBEDDED_DESTINATION = 'embedded'
/** Maximum length of a destination's name, as in the schema. */
export const LONGEST_NAME = 200

/**
 * Returns the destinations of a source. A source that lists only removed destinations (after a manual edit of the
 * settings) is sent to all, so that its files always have a destination.
 */
export function getSourceDestinations(
  destinations: readonly Destination[],
  source: Pick<Source, 'destinations'>,
): readonly Destination[] {
  const chosen = source.destinations
  if (chosen === null) return destinations
  const named = destinations.filter(({ id }) => chosen.includes(id))
  return named.length === 0 ? destinations : named
}

/** Returns the ids of a source's destinations, as in the ledger; never empty. */
export function destinationIds(
  settings: Pick<Settings, 'destinations'>,
  source: Pick<Source, 'destinations'>,
): string[] {
  const ids = getSourceDestinations(settings.destinations, source).map(({ id }) => id)
  return ids.length === 0 ? [EMBEDDED_DESTINATION] : ids
}

/** Returns the folder on this computer as a destination. */
export const embeddedDestination = ({ store }: DataLayout, name: string): FolderDestination => ({
  ...NOT_ENCRYPTED,
  id: EMBEDDED_DESTINATION,
  kind: 'folder',
  name,
  path: store,
})

/** @throws UserError refuse.noSuchDestination */
export function getDestination(destinations: readonly Destination[], id: string): Destination {
  const found = destinations.find((one) => one.id === id)
  if (found === undefined) throw new UserError('refuse.noSuchDestination', { name: id })
  return found
}

/**
 * Finds a destination by its name (ignoring case) or its id.
 * @throws UserError refuse.noSuchDestination
 */
export function namedDestination<D extends Pick<Destination, 'id' | 'name'>>(
  destinations: readonly D[],
  name: string,
): D {
  const found = destinations.find((one) => one.name.toLowerCase() === name.toLowerCase() || one.id === name)
  if (found === undefined) throw new UserError('refuse.noSuchDestination', { name })
  return found
}

/** Returns the word of a shell command for a destination: its name, or its id if the name could mean another one. */
export function destinationWord(
  destinations: readonly Pick<Destination, 'id' | 'name'>[],
  id: string,
): string {
  const name = destinations.find((one) => one.id === id)?.name ?? ''
  const isLike = (one: (typeof destinations)[number]) =>
    one.id === name || one.name.toLowerCase() === name.toLowerCase()
  const isClear = /^[^-\p{C}]\P{C}*$/u.test(name) && destinations.filter(isLike).length === 1
  return shellWord(isClear ? name : id)
}

/** @throws UserError refuse.noSuchDestination */
export function withSamples(settings: Settings, id: string, samples: Samples): Settings {
  const before = getDestination(settings.destinations, id)
  const next = { ...before, samples }
  return { ...settings, destinations: settings.destinations.map((one) => (one === before ? next : one)) }
}

/** Returns the location of a destination, for display. */
export const formatLocation = (destination: Destination): string =>
  getKind(destination.kind).formatLocation(destination)

/** Returns the secrets that a destination has. */
export function secretsOfDestination(one: TestedDestination & { id: string }): SecretOwner {
  const { id, name, kind } = one
  const secrets = getDestinationSecrets(kind, 'login' in one ? one.login : undefined)
  const fields = secrets.map(({ name, isRequired: required }) => ({
    name,
    kind: 'secret' as const,
    required,
  }))
  return { id, name, type: kind, place: keyOf(one, 'server', 'login'), fields }
}

/**
 * Completes a destination that the user entered.
 * @param ownName this computer's name: the default for its folder at the destination.
 */
export function completeDestination(given: ChangedDestination, id: string, ownName: string): Destination {
  const name = given.name.trim()
  if (!hasOwnFolder(given.kind)) return { ...given, id, name } as Destination
  const folder = ('folder' in given ? given.folder : undefined) ?? folderName(ownName)
  return { ...given, id, name, folder } as Destination
}

/**
 * Adds a destination.
 * @throws UserError refuse.mostDestinations, refuse.destinationNameLength, refuse.destinationName,
 * refuse.destinationFolder, refuse.sameTarget
 */
export function withAdded(settings: Settings, added: Destination): Settings {
  const { destinations } = settings
  if (destinations.length >= MOST_DESTINATIONS)
    throw new UserError('refuse.mostDestinations', { most: MOST_DESTINATIONS })
  refuseAmong(destinations, added)
  return { ...settings, destinations: [...destinations, added] }
}

/**
 * Changes how a destination is reached. Its address may change, because a server can move. The location of the files in
 * it may not: a new location would be another destination, without the files sent so far.
 * @throws UserError refuse.noSuchDestination, refuse.otherTarget, and as `withAdded`
 */
export function withDestinationChanged(settings: Settings, next: Destination): Settings {
  const before = getDestination(settings.destinations, next.id)
  if (getLocationKey(before) !== getLocationKey(next))
    throw new UserError('refuse.otherTarget', { name: before.name })
  refuseAmong(
    settings.destinations.filter((one) => one !== before),
    next,
  )
  const changed = keepOwn(before, next)
  return { ...settings, destinations: settings.destinations.map((one) => (one === before ? changed : one)) }
}

/**
 * Returns `next` with the samples of `before`. It accepts proposals if `before` did: another certificate is another
 * receiver.
 */
const keepOwn = (before: Destination, next: Destination): Destination => {
  const kept = before.samples === undefined ? next : { ...next, samples: before.samples }
  return keepConsent(before, kept)
}

const keepConsent = (before: Destination, next: Destination): Destination =>
  before.kind === 'receiver' &&
  next.kind === 'receiver' &&
  before.fingerprint === next.fingerprint &&
  before.acceptProposals === true
    ? { ...next, acceptProposals: true }
    : next

/**
 * Sets whether the settings that a receiver proposes are accepted without a question.
 * @throws UserError refuse.noSuchDestination, refuse.proposalKind
 */
export function withAcceptProposals(settings: Settings, id: string, accept: boolean): Settings {
  const before = getDestination(settings.destinations, id)
  if (before.kind !== 'receiver') throw new UserError('refuse.proposalKind', { name: before.name })
  const { acceptProposals: _, ...receiver } = before
  const next = accept ? { ...receiver, acceptProposals: true as const } : receiver
  return { ...settings, destinations: settings.destinations.map((one) => (one === before ? next : one)) }
}

/**
 * @throws UserError refuse.destinationNameLength, refuse.destinationName, refuse.destinationFolder, refuse.sameTarget
 */
function refuseAmong(others: readonly Destination[], one: Destination): void {
  refuseName(others, one.name)
  if ('folder' in one && folderName(one.folder) !== one.folder)
    throw new UserError('refuse.destinationFolder', { folder: one.folder, valid: folderName(one.folder) })
  const same = others.find((other) => getTargetKey(other) === getTargetKey(one))
  if (same !== undefined) throw new UserError('refuse.sameTarget', { name: same.name })
}

/** Returns the values of the fields with these roles. An address may be written in either case. */
const keyOf = (one: TestedDestination, ...roles: readonly DestinationField['role'][]): string => {
  const values: Record<string, unknown> = { ...one }
  const fields = getKind(one.kind).fields.filter(({ role }) => roles.includes(role))
  return JSON.stringify([
    one.kind,
    ...fields.map(({ name, role }) =>
      role === 'server' ? String(values[name]).toLowerCase() : values[name],
    ),
  ])
}

/** Returns the location of the files within a disk, server or store. It never changes for a destination. */
const getLocationKey = (one: Destination): string => keyOf(one, 'place')

/** Returns the location together with the server's address. It is unique among destinations. */
const getTargetKey = (one: Destination): string => keyOf(one, 'place', 'server')

/**
 * Adds a paired receiver. It replaces an existing one with the same certificate or address, and keeps that one's name
 * and sources.
 * @throws UserError refuse.tooManyDestinations, pair.addressTaken
 */
export function withDestination(settings: Settings, paired: ReceiverDestination): Settings {
  const { destinations } = settings
  const known = findReplaced(settings, paired)
  if (known !== undefined) {
    const again = keepOwn(known, { ...paired, name: known.name })
    const idNow = (id: string) => (id === known.id ? paired.id : id)
    return {
      ...settings,
      destinations: destinations.map((one) => (one === known ? again : one)),
      sources: settings.sources.map((source) => ({
        ...source,
        destinations: source.destinations?.map(idNow) ?? null,
      })),
    }
  }
  const added = { ...paired, name: freeName(paired.name, destinations) }
  return { ...settings, destinations: [...destinations, added] }
}

/**
 * Checks if this pairing code's receiver could be added, before the code is used up.
 * @throws UserError refuse.tooManyDestinations, pair.addressTaken
 */
export function refuseMore(
  settings: Settings,
  // The certificate of a receiver with a short code is not known yet; no destination has this id.
  { host, port, fingerprint = '' }: Pick<ReceiverDestination, 'host' | 'port'> & { fingerprint?: string },
): void {
  findReplaced(settings, { id: fingerprint, host, port })
}

/** The properties that identify a paired receiver: its certificate, and its address. */
type Wanted = Pick<ReceiverDestination, 'id' | 'host' | 'port'>

/**
 * Returns the destination that pairing replaces, with the same certificate or address; undefined: it is a new one.
 * @throws UserError refuse.tooManyDestinations, pair.addressTaken
 */
function findReplaced(settings: Settings, wanted: Wanted): ReceiverDestination | undefined {
  const { destinations: all } = settings
  const destinations = all.filter((one) => one.kind === 'receiver')
  const isThere = ({ host, port }: Wanted) => host === wanted.host && port === wanted.port
  const known = destinations.find(({ id }) => id === wanted.id) ?? destinations.find(isThere)
  if (known === undefined) {
    if (all.length < MOST_DESTINATIONS) return undefined
    throw new UserError('refuse.tooManyDestinations', { most: MOST_DESTINATIONS })
  }
  // Two receivers never share an address: the other one would be refused from then on, and its files would wait
  // forever. Only the user can decide if the other receiver has moved or no longer exists.
  const other = destinations.find((one) => one !== known && isThere(one))
  if (other === undefined) return known
  const address = formatAddress(wanted.host, wanted.port)
  throw new UserError('pair.addressTaken', { name: known.name, other: other.name, address })
}

/** Returns a name that no other destination has, ignoring case. */
function freeName(name: string, others: readonly Destination[]): string {
  const taken = new Set(others.map((one) => one.name.toLowerCase()))
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? name : `${name.slice(0, 190)} ${count}`
    if (!taken.has(candidate.toLowerCase())) return candidate
  }
}

/** @throws UserError refuse.noSuchDestination, refuse.ejectKind */
export function getFolder(settings: ShownSettings, id: string): FolderDestination {
  const found = getDestination(settings.destinations, id)
  if (found.kind !== 'folder') throw new UserError('refuse.ejectKind', { name: found.name })
  return found
}

/**
 * Marks a folder as ejected; null: it is used again.
 * @throws UserError refuse.noSuchDestination, refuse.ejectKind
 */
export function withEjected<S extends ShownSettings>(settings: S, id: string, ejected: Ejected | null): S {
  const { ejected: _, ...folder } = getFolder(settings, id)
  const next = ejected === null ? folder : { ...folder, ejected }
  return { ...settings, destinations: settings.destinations.map((one) => (one.id === id ? next : one)) }
}

/** Returns the folders that are ejected. */
export const getEjected = ({ destinations }: Pick<Settings, 'destinations'>) =>
  destinations.flatMap((one) =>
    one.kind === 'folder' && one.ejected !== undefined ? [{ ...one, ejected: one.ejected }] : [],
  )

/** @throws UserError refuse.noSuchDestination, refuse.destinationName, refuse.destinationNameLength */
export function withRenamed(settings: Settings, id: string, wanted: string): Settings {
  const name = wanted.trim()
  const { destinations } = settings
  const before = getDestination(destinations, id)
  refuseName(
    destinations.filter((one) => one !== before),
    name,
  )
  return { ...settings, destinations: destinations.map((one) => (one === before ? { ...one, name } : one)) }
}

/** @throws UserError refuse.destinationNameLength, refuse.destinationName */
function refuseName(others: readonly Destination[], name: string): void {
  if (name === '' || name.length > LONGEST_NAME)
    throw new UserError('refuse.destinationNameLength', { most: LONGEST_NAME })
  if (others.some((other) => other.name.toLowerCase() === name.toLowerCase()))
    throw new UserError('refuse.destinationName', { name })
}

/**
 * Removes a destination and its muting, also from the sources that list it. While other destinations remain, one that
 * is the only choice of a source is not removed: the user has not allowed the others to have its files.
 * @throws UserError refuse.noSuchDestination, refuse.onlyDestination
 */
export function withoutDestination(settings: Settings, id: string): Settings {
  const { destinations } = settings
  const removed = getDestination(destinations, id)
  const bound = settings.sources.filter((source) => isOnlyOne(destinations, source, id))
  if (destinations.length > 1 && bound.length > 0)
    throw new UserError('refuse.onlyDestination', {
      name: removed.name,
      sources: bound.map(({ name }) => name).join(', '),
    })
  const sources = settings.sources.map((source): Source => {
    const left = source.destinations?.filter((one) => one !== id) ?? []
    return { ...source, destinations: left.length === 0 ? null : left }
  })
  return {
    ...withoutMuted(settings, id),
    sources,
    destinations: destinations.filter((one) => one.id !== id),
  }
}

/** True if the user has chosen this destination for the source, and no other one. */
function isOnlyOne(
  destinations: readonly Destination[],
  source: Pick<Source, 'destinations'>,
  id: string,
): boolean {
  const [only, another] = getSourceDestinations(destinations, source)
  return source.destinations !== null && only?.id === id && another === undefined
}
