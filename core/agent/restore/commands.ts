const later = async (): Promise<never> => {
  throw new Error('not built yet')
}

export const restoreCommandHandlers = () => ({
  restoreFolders: later,
  restoreList: later,
  restoreSearch: later,
  restoreVersions: later,
  restoreStart: later,
  restoreStop: later,
})
