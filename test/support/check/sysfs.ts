import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryDirectory } from '../temporary.ts'

/**
 * Makes a directory whose sys/ has some block devices, as sysfs(5) has them: their directories below sys/devices, with the
 * files that they have.
 */
export function makeSystem(devices: Record<string, Record<string, string>>): string {
  const root = temporaryDirectory('sysfs')
  mkdirSync(path.join(root, 'sys/dev/block'), { recursive: true })
  mkdirSync(path.join(root, 'sys/class/block'), { recursive: true })
  for (const [place, files] of Object.entries(devices)) {
    const directory = path.join(root, 'sys/devices', place)
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(directory, name)), { recursive: true })
      if (name.includes('slaves/'))
        symlinkSync(path.join(root, 'sys/devices', text), path.join(directory, name))
      else writeFileSync(path.join(directory, name), `${text}\n`)
    }
    if (files.dev !== undefined) symlinkSync(directory, path.join(root, 'sys/dev/block', files.dev))
    symlinkSync(directory, path.join(root, 'sys/class/block', path.basename(place)))
  }
  return root
}
