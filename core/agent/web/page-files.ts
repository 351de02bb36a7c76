import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { dropError, warnUnlessCode } from '../../dropped-errors.ts'

/** Placeholder of the nonce in the built page; the build inserts it (electron.vite.config.ts). */
export const NONCE_PLACE = 'HOLDFAST-NONCE'

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.map': 'application/json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

/** Names in this folder of the build contain a digest of the content. */
export const ASSETS = '/assets/'

const compress = promisify(gzip)
/** Types that are not compressed already. */
const COMPRESSIBLE = /^(?:text\/|image\/svg)/

interface PageFile {
  body: Uint8Array<ArrayBuffer>
  headers: Record<string, string>
}

/**
 * Reads a file of the built page, with its headers. A page gets a fresh nonce and its content security policy.
 * @param pathname of the address, encoded.
 * @param connect source of the policy that the page may request from: 'none', or 'self' for a web page.
 * @returns null if the directory has no such file.
 */
export async function readPageFile(
  directory: string,
  pathname: string,
  connect: 'none' | 'self',
): Promise<PageFile | null> {
  const decoded = decodePath(pathname)
  if (decoded === null) return null
  const file = path.normalize(path.join(directory, decoded))
  const contentType = CONTENT_TYPES[path.extname(file)]
  if (!file.startsWith(directory + path.sep) || contentType === undefined) return null
  let body: Uint8Array<ArrayBuffer>
  try {
    body = new Uint8Array(await readFile(file))
  } catch (error) {
    warnUnlessCode(error, ['ENOENT', 'EISDIR', 'ENOTDIR'], 'a file of the window cannot be read')
    return null
  }
  const cache = pathname.startsWith(ASSETS) ? 'public, max-age=31536000, immutable' : 'no-store'
  const headers = {
    'content-type': contentType,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': cache,
  }
  if (!contentType.startsWith('text/html')) return { body, headers }
  const nonce = randomBytes(16).toString('base64url')
  const html = new TextDecoder().decode(body).replaceAll(NONCE_PLACE, nonce)
  const policy = buildPolicy(nonce, connect)
  return {
    body: new TextEncoder().encode(html),
    headers: { ...headers, 'content-security-policy': policy },
  }
}

/**
 * Returns a function that reads the assets of the built page, compressed. Each is compressed once: all of them together
 * have less than 1 MiB.
 */
export function createCompressedReader(directory: string): (pathname: string) => Promise<PageFile | null> {
  const kept = new Map<string, PageFile>()
  return async (pathname) => {
    // The key does not depend on the name's encoding: requests without a token must not fill the memory.
    const name = path.normalize(decodePath(pathname) ?? '')
    const known = kept.get(name)
    if (known !== undefined) return known
    const file = await readPageFile(directory, pathname, 'self')
    if (file === null || !COMPRESSIBLE.test(file.headers['content-type'] ?? '')) return file
    const headers = { ...file.headers, 'content-encoding': 'gzip', vary: 'accept-encoding' }
    const compressed = { body: new Uint8Array(await compress(file.body)), headers }
    kept.set(name, compressed)
    return compressed
  }
}

function decodePath(pathname: string): string | null {
  try {
    const decoded = decodeURIComponent(pathname)
    return decoded.includes('\0') ? null : decoded
  } catch (error) {
    return dropError(error, 'an address that is encoded wrongly names no file', null)
  }
}

/** Returns the content security policy: own files only, nothing inline except styles with the nonce. */
function buildPolicy(nonce: string, connect: 'none' | 'self'): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src '${connect}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
