import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { readAnswer } from '../../lib/network/answers.ts'
import type { DestinationOf } from '../../settings/destination-schema.ts'
import { OWN_DIRECTORY } from '../../store/layout.ts'
import { BackendError, hasKind, orIf, unlessLost } from '../errors.ts'
import { type Directories, getParent, openDirectories } from '../objects/directories.ts'
import { parseFacts, parseFirstStoredAt, toMetadata } from '../objects/metadata.ts'
import {
  digestAt,
  type ObjectFacts,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
} from '../objects/object-store.ts'
import { createLister, type ListedEntry, limitNames } from '../objects/tree-listing.ts'
import {
  discard,
  getLoginSchemes,
  NO_PROPERTIES,
  type PutStream,
  readBody,
  toBackendError,
  WebdavClient,
  type WebdavPlace,
} from './client.ts'
import {
  isSuccess,
  OWN_NAMESPACE,
  OWNCLOUD_NAMESPACE,
  parseHref,
  parseMultistatus,
  type Resource,
} from './multistatus.ts'

/** Requests at a time: many servers answer each in a process of its own. */
const PARALLEL = 16
/** Room for large files, listings and the like beside the small ones. */
const MOST_SOCKETS = PARALLEL + 16
const CONNECT_MS = 30_000
/** Longest listing of a directory: a million names. */
const MOST_LISTING_BYTES = 2 * 1024 * 1024 * 1024
/** Largest file that the server copies to keep it as an older version; a larger one is without its name for a moment. */
const COPIED_BYTES = 16 * 1024 * 1024

/** All names are in the directory `url`, temporary files in this computer's folder there. */
export type WebdavTarget = WebdavPlace & Pick<DestinationOf<'webdav'>, 'name' | 'folder'>

const XML = '<?xml version="1.0" encoding="utf-8"?>'
const ASK = `${XML}<propfind xmlns="DAV:" xmlns:h="${OWN_NAMESPACE}" xmlns:oc="${OWNCLOUD_NAMESPACE}"><prop><resourcetype/><getcontentlength/><getlastmodified/><h:mtime/><h:mode/><h:blake3/><h:stored/><oc:checksums/></prop></propfind>`
const ASK_SPACE = `${XML}<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>`
const XML_HEADERS = { 'Content-Type': 'application/xml; charset=utf-8' }

/**
 * Files at a WebDAV server. A file gets a temporary name, and its own one (MOVE) when it is complete; time, mode and
 * digest are its properties (PROPPATCH), which move with it. What the server confirms is not trusted: its digest of the
 * content is compared, or the content read back, and the properties are.
 */
export class WebdavStore implements ObjectStore {
  // HTTP has no sync. Without the folder the server's disk may be unmounted.
  readonly can = { parallel: PARALLEL, durable: false, dates: true, vanish: true }
  // There is no lasting connection: a failed request ends the session.
  readonly ended = new Promise<never>(() => undefined)
  readonly list: ObjectStore['list']
  readonly #client: WebdavClient
  readonly #directories: Directories
  readonly #partials: string
  readonly #place: { name: string; address: string }
  /** Resolves if the server replaces no file unless it is asked to; null: not tried yet in this session. */
  #replacesNone: Promise<void> | null = null
  /** Temporary names in use. */
  readonly #inUse = new Set<string>()

  constructor(target: WebdavTarget, password: string) {
    const own = `${target.folder}/${OWN_DIRECTORY}`
    this.#client = new WebdavClient(target, password, MOST_SOCKETS)
    this.#place = { name: target.name, address: new URL(target.url).host }
    this.#partials = `${own}/partial`
    this.#directories = openDirectories(
      {
        make: (directory) =>
          this.#client.tell('MKCOL', this.#toDirectory(directory)).catch(async (error: unknown) => {
            throw isStatus(error, 400) && (await this.#lacksParent(directory))
              ? new BackendError('absent', 'no directory', { cause: error })
              : error
          }),
        type: async (name) => {
          const found = await this.#find(name)
          return found && (found.isCollection ? 'directory' : 'file')
        },
        sync: async () => undefined,
      },
      { there: ['.'], kept: ['.', target.folder, own] },
    )
    this.list = createLister((directory) => this.#readDirectory(directory))
  }

  /**
   * Checks that the server can be used.
   * @throws UserError if only a person can help; BackendError.
   */
  async requireRoot({ name, url, user }: WebdavTarget, signal: AbortSignal): Promise<void> {
    const { root } = this.#client
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)])
    const answer = await this.#ask(root, '0', ASK, { accepts: () => true, signal: limit })
    const { statusCode = 0, statusMessage = '' } = answer
    const at = { name, address: new URL(url).host, user, reason: `HTTP ${statusCode} ${statusMessage}` }
    if (statusCode === 207) {
      if ((await readFirst(answer))?.isCollection === true) return
      throw new UserError('webdav.noStore', { ...at, reason: 'PROPFIND' })
    }
    discard(answer)
    const schemes = getLoginSchemes(answer)
    if (statusCode === 401 && schemes.length > 0 && !schemes.includes('Basic'))
      throw new UserError('webdav.otherLogin', { ...at, schemes: schemes.join(', ') })
    if (statusCode === 401) throw new UserError('webdav.loginRefused', at)
    if (statusCode === 404 || statusCode === 409)
      throw new UserError('transfer.sftp.noDirectory', { name, path: root })
    if (statusCode === 403 || statusCode >= 500) throw toBackendError(answer, 'PROPFIND')
    throw new UserError('webdav.noStore', at)
  }

  readonly put: ObjectStore['put'] = async (name, bytes, facts, { replace }) => {
    const upload = await this.#begin(name, facts, replace)
    try {
      await upload.write(bytes)
      await upload.finish(facts.digest)
    } catch (error) {
      await upload.abort().catch(ignoreError('the sweep removes the temporary file'))
      throw error
    }
  }

  readonly begin: ObjectStore['begin'] = async (name, facts) => ({
    offset: 0,
    ...(await this.#begin(name, facts, true)),
  })

  readonly kept: ObjectStore['kept'] = (facts) => facts

  readonly setFacts: ObjectStore['setFacts'] = async (name, facts) => {
    await this.#setProperties(name, facts)
  }

  readonly info: ObjectStore['info'] = async (name) => {
    const found = await this.#find(name)
    return found === null || found.isCollection ? null : toObjectInfo(name, found)
  }

  async *read(name: string, from: number, signal: AbortSignal) {
    const answer = await this.#client.send('GET', this.#client.toPath(name), {
      headers: from > 0 ? { Range: `bytes=${from}-` } : {},
      // 416: it ends before this byte.
      accepts: (status) => status === 416 && from > 0,
      signal,
    })
    if (answer.statusCode === 416) return discard(answer)
    // A server may send the whole content instead.
    let skip = answer.statusCode === 206 ? 0 : from
    for await (const piece of readBody(answer)) {
      if (piece.length > skip) yield piece.subarray(skip)
      skip = Math.max(0, skip - piece.length)
    }
  }

  readonly setAside: ObjectStore['setAside'] = async (name, to, isReplaced) => {
    await this.#directories.make(getParent(to))
    const there = isReplaced ? await this.info(name) : null
    const isCopied =
      there !== null &&
      there.size <= COPIED_BYTES &&
      (await this.#copy(there, to).then(() => true, unlessLost))
    if (isCopied !== true) await this.#client.relocate('MOVE', name, to, 'T')
    return true
  }

  readonly versions: ObjectStore['versions'] = async () => []

  async remove(name: string): Promise<void> {
    await this.#client.tell('DELETE', this.#client.toPath(name)).catch(orIf('absent', undefined))
  }

  /** The server's clock: a directory's own time is no part of the standard. */
  async lastChange(directory: string): Promise<number> {
    const answer = await this.#ask(this.#toDirectory(directory), '0', ASK)
    discard(answer)
    return Date.parse(answer.headers.date ?? '') || 0
  }

  async above(name: string): Promise<string | null> {
    const parts = this.#client.root.split('/').filter((part) => part !== '')
    for (let depth = parts.length; depth >= 0; depth -= 1) {
      const at = `/${parts
        .slice(0, depth)
        .map((part) => `${part}/`)
        .join('')}`
      const answer = await this.#ask(`${at}${name}`, '0', ASK).catch(unlessLost)
      const found = answer?.statusCode === 207 ? await readFirst(answer) : null
      if (found !== null && isSuccess(found.status ?? 200)) return decodePath(at)
    }
    return null
  }

  /** By RFC 4331; a negative value means that there is no limit, or that it is unknown. */
  async space() {
    const answer = await this.#ask(this.#client.root, '0', ASK_SPACE)
    const found = await readFirst(answer)
    const [free, used] = ['quota-available-bytes', 'quota-used-bytes'].map((name) =>
      Number(found?.properties[name]),
    )
    return free !== undefined && used !== undefined && free >= 0 && used >= 0
      ? { free, total: free + used }
      : null
  }

  /** No upload is resumed, so all that earlier sessions left are removed. */
  async sweep(): Promise<void> {
    for (const entry of await this.#readDirectory(`${this.#partials}/`))
      if (typeof entry !== 'string' && !this.#inUse.has(entry.name)) await this.remove(entry.name)
  }

  close(): void {
    this.#client.close()
  }

  /** Begins to write a file under a temporary name. @throws UserError if the server would replace a file unasked. */
  async #begin(name: string, facts: ObjectFacts, replace: PutOptions['replace']) {
    const temporary = `${this.#partials}/${randomUUID()}`
    await this.#directories.make(this.#partials)
    this.#replacesNone ??= this.#requireNoOverwriting().catch((error) => {
      this.#replacesNone = null
      throw error
    })
    await this.#replacesNone
    this.#inUse.add(temporary)
    // Opened at the first piece: the caller may have to give up before.
    let stream: PutStream | null = null
    const open = () => {
      stream ??= this.#client.put(this.#client.toPath(temporary), facts.size)
      return stream
    }
    return {
      write: (bytes: Uint8Array) =>
        open().write(bytes).catch(this.#directories.endSessionIfVanished(this.#partials)),
      finish: async (digest: Uint8Array | null, freeName?: () => Promise<void>) => {
        const sent = await open().end().catch(this.#directories.endSessionIfVanished(this.#partials))
        const there = await this.#setProperties(temporary, { ...facts, digest })
        const size = Number(there.properties.getcontentlength)
        if (size !== facts.size) throw new BackendError('damaged', `${size} of ${facts.size} bytes arrived`)
        if (!sent.isProven) await this.#checkContent(temporary, facts.size, digest, sent.sha1, there)
        await freeName?.()
        await this.#giveName(temporary, name, replace)
        this.#inUse.delete(temporary)
      },
      abort: async () => {
        stream?.destroy()
        await this.remove(temporary)
        this.#inUse.delete(temporary)
      },
    }
  }

  /** Copies a file at the server: under a temporary name until its properties are there, too. */
  async #copy(there: ObjectInfo, to: string): Promise<void> {
    const temporary = `${this.#partials}/${randomUUID()}`
    await this.#directories.make(this.#partials)
    this.#inUse.add(temporary)
    try {
      await this.#client.relocate('COPY', there.name, temporary, 'F')
      const copied = await this.#setProperties(temporary, there)
      if (Number(copied.properties.getcontentlength) !== there.size)
        throw new BackendError('damaged', 'the copy has another length')
      await this.#client.relocate('MOVE', temporary, to, 'T')
    } catch (error) {
      await this.remove(temporary).catch(ignoreError('the sweep removes the temporary file'))
      throw error
    } finally {
      this.#inUse.delete(temporary)
    }
  }

  /** Sets the properties of a file; returns them as the server has them then. Its answer to the request is no proof. */
  async #setProperties(name: string, facts: ObjectFacts): Promise<Resource> {
    const wanted = Object.entries(toMetadata(facts))
    // lighttpd keeps only one property of each element.
    const set = wanted.map(([key, value]) => `<set><prop><h:${key}>${value}</h:${key}></prop></set>`)
    const body = `${XML}<propertyupdate xmlns="DAV:" xmlns:h="${OWN_NAMESPACE}">${set.join('')}</propertyupdate>`
    await this.#client
      .tell('PROPPATCH', this.#client.toPath(name), { headers: XML_HEADERS, body })
      .catch((error: unknown) => {
        const lacksIt = [403, 405, 501].some((status) => isStatus(error, status))
        throw lacksIt ? new BackendError('failed', NO_PROPERTIES, { cause: error }) : error
      })
    const there = await this.#find(name)
    if (there === null) throw new BackendError('absent', `${name} is not there any more`)
    if (wanted.some(([key, value]) => there.properties[key] !== value))
      throw new BackendError('failed', NO_PROPERTIES)
    return there
  }

  /** Compares a content with the digest that ownCloud has computed, or else reads it back. */
  async #checkContent(
    name: string,
    size: number,
    digest: Uint8Array | null,
    sha1: string,
    { properties }: Resource,
  ): Promise<void> {
    // Holdfast sends no digest that a server could return unseen.
    const found = /\bSHA1:([0-9a-f]{40})\b/i.exec(properties.checksum ?? '')?.[1]?.toLowerCase()
    const isSame = async () => {
      const read = digest === null ? null : await digestAt(this, name, size, new AbortController().signal)
      return digest === null || (read !== null && Buffer.compare(read, digest) === 0)
    }
    if (found === undefined ? await isSame() : found === sha1) return
    throw new BackendError('damaged', 'what the server has is not what was sent')
  }

  /** Gives a complete file its name, or removes it if `replace` returns false. @throws BackendError `exists`. */
  async #giveName(temporary: string, name: string, replace: PutOptions['replace']): Promise<void> {
    const naming = this.#nameNew(temporary, name)
    if (replace === false) return naming
    if (await naming.then(() => true, orIf('exists', false))) return
    if (replace !== true && !(await replace())) return this.remove(temporary).catch(orIf('denied', undefined))
    await this.#directories.make(getParent(name))
    await this.#client.relocate('MOVE', temporary, name, 'T')
  }

  /** @throws BackendError `exists`. */
  async #nameNew(temporary: string, name: string): Promise<void> {
    const parent = getParent(name)
    await this.#directories.make(parent)
    try {
      await this.#client.relocate('MOVE', temporary, name, 'F')
    } catch (error) {
      if (hasKind(error, 'lost')) throw error
      // To overwrite a directory would remove all files in it.
      if ((await this.#find(name))?.isCollection === true)
        throw new BackendError('impossible', 'a directory has this name')
      // The content was stored, so it is this name that is not allowed.
      if (isStatus(error, 400) || isStatus(error, 403))
        throw new BackendError('impossible', errorReason(error), { cause: error })
      if (!hasKind(error, 'exists') && (await this.#find(parent)) === null)
        throw new BackendError('lost', `${parent} is not there any more`, { cause: error })
      throw error
    }
  }

  /** @throws UserError if the server replaces files without being asked to; BackendError. */
  async #requireNoOverwriting(): Promise<void> {
    // The first trial fails also if a process of this computer sweeps its files meanwhile.
    if ((await this.#refusesTaken()) || (await this.#refusesTaken())) return
    throw new UserError('webdav.overwrites', this.#place)
  }

  /** Returns true if the server refuses to give a small file the name of another one. */
  async #refusesTaken(): Promise<boolean> {
    const [one, other] = [`${this.#partials}/${randomUUID()}`, `${this.#partials}/${randomUUID()}`]
    try {
      for (const name of [one, other]) {
        this.#inUse.add(name)
        const stream = this.#client.put(this.#client.toPath(name), 1)
        await stream
          .write(Buffer.from('1'))
          .then(() => stream.end())
          .catch(this.#directories.endSessionIfVanished(this.#partials))
      }
      return await this.#client.relocate('MOVE', one, other, 'F').then(() => false, orIf('exists', true))
    } finally {
      for (const name of [one, other]) {
        await this.remove(name).catch(ignoreError('the sweep removes the temporary file'))
        this.#inUse.delete(name)
      }
    }
  }

  #toDirectory = (name: string): string =>
    name === '.' || name === '' ? this.#client.root : `${this.#client.toPath(name.replace(/\/$/, ''))}/`

  #ask(
    path: string,
    Depth: '0' | '1',
    body: string,
    more: Pick<NonNullable<Parameters<WebdavClient['send']>[2]>, 'accepts' | 'signal'> = {},
  ): Promise<IncomingMessage> {
    return this.#client.send('PROPFIND', path, { headers: { ...XML_HEADERS, Depth }, body, ...more })
  }

  /** Returns null if nothing has this name. */
  async #find(name: string): Promise<Resource | null> {
    const path = name === '.' ? this.#client.root : this.#client.toPath(name)
    const accepts = (status: number) => status < 400 || status === 404 || status === 400
    const answer = await this.#ask(path, '0', ASK, { accepts })
    const { statusCode = 0 } = answer
    if (statusCode === 207) {
      const found = await readFirst(answer)
      if (found === null || found.status === 404) return null
      if (!isSuccess(found.status ?? 200) || !(found.isCollection || hasSize(found)))
        throw new BackendError('failed', `HTTP ${found.status ?? 207} (PROPFIND)`)
      return found
    }
    discard(answer)
    if (statusCode === 404 || (statusCode === 400 && (await this.#lacksParent(name)))) return null
    // Apache redirects from the name of a directory to the name with a slash.
    if (answer.headers.location?.endsWith('/') === true)
      return { href: path, isCollection: true, status: null, properties: {} }
    throw toBackendError(answer, 'PROPFIND')
  }

  /** True if a part of the path is no directory, which Apache answers with 400, as it does other faults. */
  async #lacksParent(name: string): Promise<boolean> {
    return name !== '.' && (await this.#find(getParent(name)))?.isCollection !== true
  }

  /** See createLister. */
  async #readDirectory(directory: string): Promise<ListedEntry[]> {
    const path = this.#toDirectory(directory)
    const answer = await this.#ask(path, '1', ASK, { accepts: (status) => status === 404 || status === 400 })
    const entries: ListedEntry[] = []
    if (answer.statusCode !== 207) {
      discard(answer)
      const isNothing = answer.statusCode === 404 || (await this.#lacksParent(`${directory}name`))
      if (!isNothing) throw toBackendError(answer, 'PROPFIND')
      return entries
    }
    const depth = parseHref(path)?.length ?? 0
    const limit = limitNames(path)
    for await (const resource of parseMultistatus(readBody(readAnswer(answer, MOST_LISTING_BYTES)))) {
      limit([resource.href])
      if (resource.status === 404) continue
      const names = parseHref(resource.href)
      // The directory itself is listed, too.
      if (names === null || names.length !== depth + 1) continue
      const name = `${directory}${names.at(-1)}`
      entries.push(resource.isCollection ? `${name}/` : toObjectInfo(name, resource))
    }
    return entries
  }
}

/** Reads an answer about one file to its end, so that the connection can be used again. */
async function readFirst(answer: IncomingMessage): Promise<Resource | null> {
  let first: Resource | null = null
  for await (const resource of parseMultistatus(readBody(readAnswer(answer)))) first ??= resource
  return first
}

const hasSize = ({ properties }: Resource): boolean => /^\d+$/.test(properties.getcontentlength ?? '')

const errorReason = (error: unknown): string => (error instanceof BackendError ? error.reason : '')

const isStatus = (error: unknown, status: number): boolean => errorReason(error).startsWith(`HTTP ${status} `)

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (error) {
    return dropError(error, 'the address is not percent-encoded', path)
  }
}

function toObjectInfo(name: string, { properties }: Resource): ObjectInfo {
  const stored = new Date(properties.getlastmodified ?? 0)
  const storedAt = Number.isNaN(stored.getTime()) ? 0 : stored.getTime()
  const facts = parseFacts(Number(properties.getcontentlength ?? 0), new Date(storedAt), properties)
  // A move keeps the time.
  const firstStoredAt = parseFirstStoredAt(properties) ?? storedAt
  return { ...facts, name, storedAt, firstStoredAt, version: null }
}
