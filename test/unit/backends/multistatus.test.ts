import { expect, test } from 'vitest'
import { parseHref, parseMultistatus } from '../../../core/backends/webdav/multistatus.ts'

async function parse(text: string, pieceBytes = 1_000) {
  const bytes = Buffer.from(text)
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
  }
  const found = []
  for await (const one of parseMultistatus(pieces())) found.push(one)
  return found
}

/** As Nextcloud sends it, with a property that the file lacks. */
const answer = `<?xml version="1.0"?>
<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" xmlns:oc="http://owncloud.org/ns">
 <d:response><d:href>/remote.php/dav/files/ada/</d:href><d:propstat><d:prop>
  <d:resourcetype><d:collection/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
 <d:response><d:href>/remote.php/dav/files/ada/%e6%b8%ac%26%3c.txt</d:href>
  <d:propstat><d:prop><d:resourcetype/><d:getcontentlength>12</d:getcontentlength><oc:mode>1</oc:mode>
   <x1:mtime xmlns:x1="urn:holdfast"><![CDATA[5.000000001]]></x1:mtime></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
  <d:propstat><d:prop><d:collection/><x1:blake3 xmlns:x1="urn:holdfast"/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>
 </d:response>
</d:multistatus>`

test('WebDAV answer: files and directories are found, however it is cut, without foreign and missing properties', async () => {
  for (const pieceBytes of [1, 7, 10_000]) {
    const [directory, file, ...more] = await parse(answer, pieceBytes)
    expect(directory).toMatchObject({ isCollection: true })
    expect(file).toEqual({
      href: '/remote.php/dav/files/ada/%e6%b8%ac%26%3c.txt',
      isCollection: false,
      status: null,
      properties: { resourcetype: '', getcontentlength: '12', mtime: '5.000000001' },
    })
    expect(parseHref(file?.href ?? '')?.at(-1)).toBe('測&<.txt')
    expect(more).toEqual([])
  }
})

test('WebDAV answer: a page, an unfinished answer and an endless value are faults', async () => {
  const endless = `<multistatus xmlns="DAV:"><response><href>${'x'.repeat(100_000)}`
  for (const text of ['<p>Not here<br></html>', answer.slice(0, -20), endless, 'no XML'])
    await expect(parse(text)).rejects.toMatchObject({ kind: 'failed' })
})

test('WebDAV answer: a path may be a whole address, and none leads out of its directory', () => {
  expect(parseHref('https://cloud.example.org/dav/a%20b/')).toEqual(['dav', 'a b'])
  for (const bad of ['/dav/%2e%2e', '/dav/a%2fb', '/dav/%ff']) expect(parseHref(bad)).toBeNull()
})
