export const id=290;export const ids=[290];export const modules={3290:(t,n,o)=>{o.r(n),o.d(n,{inputs:()=>r.bB,run:()=>s});var r=o(1266);function s(){return(0,r.Lk)(["migrations"],()=>({}))}}};
