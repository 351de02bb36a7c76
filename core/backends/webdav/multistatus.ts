import sax, { type QualifiedTag } from 'sax'
import { dropError } from '../../dropped-errors.ts'
import { BackendError } from '../errors.ts'

// The answers of a WebDAV server about files and directories (RFC 4918, section 13), parsed while they arrive: a
// directory may have very many names.

/** The namespace of Holdfast's own properties. */
export const OWN_NAMESPACE = 'urn:holdfast'
/** The namespace of ownCloud's properties. */
export const OWNCLOUD_NAMESPACE = 'http://owncloud.org/ns'
const DAV = 'DAV:'
const MOST_TEXT = 64 * 1024
/** Longest answer about one file or directory. */
const MOST_BYTES = 256 * 1024
const MOST_DEPTH = 32
/** Bytes that are parsed at a time. */
const STEP_BYTES = 16 * 1024

/** True for an element that is used. Other properties of ownCloud may have the names of Holdfast's own. */
const isUsed = (uri: string, local: string): boolean =>
  uri === DAV || uri === OWN_NAMESPACE || (uri === OWNCLOUD_NAMESPACE && /^checksums?$/.test(local))

/** A file or directory. */
export interface Resource {
  /** The path, or the whole address, percent-encoded. */
  href: string
  isCollection: boolean
  /** The status of the whole resource, such as 404; null: its properties have one. */
  status: number | null
  /** The values of the properties that it has, of WebDAV and of Holdfast, by their names. */
  properties: Record<string, string>
}

/** @throws BackendError if the text is no such answer; errors of `body`. */
export async function* parseMultistatus(body: AsyncIterable<Uint8Array>): AsyncGenerator<Resource> {
  const found: Resource[] = []
  const parser = createMultistatusParser((resource) => found.push(resource))
  const decoder = new TextDecoder()
  // The parser keeps no more than this of a resource that does not end.
  let bytes = 0
  for await (const piece of body) {
    for (let at = 0; at < piece.length; at += STEP_BYTES) {
      const some = piece.subarray(at, at + STEP_BYTES)
      bytes += some.length
      if (bytes > MOST_BYTES) throw tooMuch()
      parser.write(decoder.decode(some, { stream: true }))
      if (found.length > 0) bytes = 0
      yield* found.splice(0)
    }
  }
  parser.close()
}

const tooMuch = () => new BackendError('failed', 'no answer of WebDAV: too long')

function createMultistatusParser(onResource: (resource: Resource) => void) {
  const parser = sax.parser(true, { xmlns: true, position: false })
  /** The names of the open elements. */
  const open: string[] = []
  let resource: Resource = { href: '', isCollection: false, status: null, properties: {} }
  /** The properties of one `propstat`, whose status follows them. */
  let properties: [name: string, value: string][] = []
  let isCollection = false
  let status = ''
  let text = ''

  parser.onerror = (error) => {
    throw new BackendError('failed', `no answer of WebDAV: ${error.message.split('\n')[0]}`)
  }
  parser.onopentag = (tag) => {
    const { uri, local } = tag as QualifiedTag
    const parent = open.at(-1)
    text = ''
    if (open.length >= MOST_DEPTH) throw tooMuch()
    open.push(isUsed(uri, local) ? local : '')
    if (uri !== DAV) return
    if (local === 'response') resource = { href: '', isCollection: false, status: null, properties: {} }
    if (local === 'propstat') {
      properties = []
      isCollection = false
      status = ''
    }
    if (local === 'collection' && parent === 'resourcetype') isCollection = true
  }
  const addText = (more: string) => {
    if (text.length + more.length > MOST_TEXT) throw tooMuch()
    text += more
  }
  parser.ontext = addText
  parser.oncdata = addText
  parser.onclosetag = () => {
    const name = open.pop() ?? ''
    const parent = open.at(-1)
    if (name === 'href' && parent === 'response') resource.href = text.trim()
    else if (name === 'status' && parent === 'propstat') status = text
    else if (name === 'status' && parent === 'response') resource.status = parseStatus(text)
    else if (name === 'checksum' && parent === 'checksums') properties.push([name, text.trim()])
    else if (parent === 'prop' && name !== '') properties.push([name, text.trim()])
    else if (name === 'propstat' && isSuccess(parseStatus(status))) {
      Object.assign(resource.properties, Object.fromEntries(properties))
      resource.isCollection ||= isCollection
    } else if (name === 'response') onResource(resource)
    text = ''
  }
  return parser
}

/** Returns the code of a line such as "HTTP/1.1 404 Not Found"; 0: it is none. */
const parseStatus = (line: string): number => Number(/ (\d{3})( |$)/.exec(line)?.[1] ?? 0)

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** Returns the decoded parts of a path in an answer; null: it is not encoded, or a part is no name. */
export function parseHref(href: string): string[] | null {
  const parts = href
    .replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '')
    .split('/')
    .filter((part) => part !== '')
  try {
    const names = parts.map(decodeURIComponent)
    return names.some((name) => name === '.' || name === '..' || name.includes('/')) ? null : names
  } catch (error) {
    return dropError(error, 'a name that is not UTF-8 cannot be asked for', null)
  }
}
