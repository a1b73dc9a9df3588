# What zsh makes of lines when somebody presses the tab key behind them: `complete.zsh FOLDER LINE...`
# prints, for each, all that the terminal shows and the line as it is then, within << and >>.
zmodload zsh/zpty || exit
folder=$1
shift
# -i in a terminal of its own, for only there is anything completed
zpty shell zsh -f -i
# no lists and no questions; a shell that waits in vain ends, and so does whoever reads from it
zpty -w shell "PS1= TMOUT=60
setopt no_auto_list no_auto_menu no_beep
fpath=(${(q)folder} \$fpath)
autoload -U compinit && compinit -u -D
tell() { zle complete-word; print -r -- '<<'\$BUFFER'>>'; BUFFER= }
zle -N tell && bindkey '^I' tell
print is re''ady"
zpty -r -m shell shown '*is ready*' || exit
for line; do
  zpty -w -n shell "$line"$'\t'
  zpty -r -m shell shown '*<<*>>*' || exit
  print -r -- "$shown"
done
