import Conf from 'conf'

/** Where the window was when it was last seen. */
export interface WindowMemory {
  /** As the file has it; undefined: nothing is remembered, or it cannot be read. */
  bounds(): unknown
  remember(bounds: { x: number; y: number; width: number; height: number }): void
}

/** A file that cannot be read or written only costs the window its place. */
export function openWindowMemory(directory: string): WindowMemory {
  let conf: Conf | null = null
  const tried = <T>(what: string, act: () => T): T | undefined => {
    try {
      return act()
    } catch (thrown) {
      console.error(`The place of the window could not be ${what}:`, thrown)
      return undefined
    }
  }
  // Made anew after a failure: what kept the file from being read may be over.
  const open = () => {
    conf ??= new Conf({ cwd: directory, configName: 'window', clearInvalidConfig: true })
    return conf
  }
  return {
    bounds: () => tried('read', () => open().get('bounds')),
    remember: (bounds) => void tried('remembered', () => open().set('bounds', bounds)),
  }
}
