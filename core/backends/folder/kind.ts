import { defineKind } from '../fields.ts'

/** A directory on this computer: a second disk or a mounted share. */
export const folder = defineKind({
  fields: [{ name: 'path', role: 'place', type: 'directory', isArgument: true, placeholder: '/mnt/backup' }],
  explanation: 'window.destinations.folderExplain',
  encrypts: true,
  usualGib: 10,
  getServer: () => null,
  formatLocation: ({ path }) => path,
  suggestName: ({ path = '' }) => path.split(/[\\/]/).findLast((part) => part !== '') ?? path,
  command: {
    description: 'a mounted disk or share',
    arguments: [['<path>', 'the folder']],
    read: (path = '') => ({ path }),
  },
})
