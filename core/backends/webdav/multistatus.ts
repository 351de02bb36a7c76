import sax, { type QualifiedTag } from 'sax'
import { dropError } from '../../dropped-errors.ts'
import { BackendError } from '../objects/object-store.ts'

// The answers of a WebDAV server about files and directories (RFC 4918, section 13), parsed while they arrive: a
// directory may have very many names.

/** The namespace of Holdfast's own properties. */
export const OWN_NAMESPACE = 'urn:holdfast'
const DAV = 'DAV:'
const MOST_TEXT = 64 * 1024

/** A file or directory. */
export interface Resource {
  /** The path, or the whole address, percent-encoded. */
  href: string
  isCollection: boolean
  /** The values of the properties that it has, of WebDAV and of Holdfast, by their names. */
  properties: Record<string, string>
}

/** @throws BackendError if the text is no such answer; errors of `body`. */
export async function* parseMultistatus(body: AsyncIterable<Uint8Array>): AsyncGenerator<Resource> {
  const found: Resource[] = []
  const parser = createMultistatusParser((resource) => found.push(resource))
  const decoder = new TextDecoder()
  for await (const piece of body) {
    parser.write(decoder.decode(piece, { stream: true }))
    yield* found.splice(0)
  }
  parser.close()
}

function createMultistatusParser(onResource: (resource: Resource) => void) {
  const parser = sax.parser(true, { xmlns: true, position: false })
  /** The names of the open elements. */
  const open: string[] = []
  let resource: Resource = { href: '', isCollection: false, properties: {} }
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
    open.push(uri === DAV || uri === OWN_NAMESPACE ? local : '')
    if (uri !== DAV) return
    if (local === 'response') resource = { href: '', isCollection: false, properties: {} }
    if (local === 'propstat') {
      properties = []
      isCollection = false
      status = ''
    }
    if (local === 'collection' && parent === 'resourcetype') isCollection = true
  }
  const addText = (more: string) => {
    if (text.length + more.length > MOST_TEXT)
      throw new BackendError('failed', 'no answer of WebDAV: too long')
    text += more
  }
  parser.ontext = addText
  parser.oncdata = addText
  parser.onclosetag = () => {
    const name = open.pop() ?? ''
    const parent = open.at(-1)
    if (name === 'href' && parent === 'response') resource.href = text.trim()
    else if (name === 'status' && parent === 'propstat') status = text
    else if (parent === 'prop' && name !== '') properties.push([name, text.trim()])
    else if (name === 'propstat' && / 2\d\d( |$)/.test(status)) {
      Object.assign(resource.properties, Object.fromEntries(properties))
      resource.isCollection ||= isCollection
    } else if (name === 'response') onResource(resource)
    text = ''
  }
  return parser
}

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
