import { lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { writeGivenFile } from '../../../cli/terminal/given-file.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('output file: a file is replaced, and a link is written through and stays a link', async () => {
  const directory = temporaryDirectory('given')
  const [file, link] = [path.join(directory, 'file'), path.join(directory, 'link')]
  writeFileSync(file, 'before')
  symlinkSync(file, link)
  await writeGivenFile(link, 'through the link')
  expect(lstatSync(link).isSymbolicLink()).toBe(true)
  expect(readFileSync(file, 'utf8')).toBe('through the link')
  await writeGivenFile(file, 'itself')
  expect(readFileSync(link, 'utf8')).toBe('itself')
})

test.skipIf(process.platform !== 'linux')(
  'output file: an error of a device is reported, and the link to the device stays',
  async () => {
    const link = path.join(temporaryDirectory('given'), 'full')
    symlinkSync('/dev/full', link)
    await expect(writeGivenFile(link, 'text')).rejects.toThrow('ENOSPC')
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
  },
)
