export const id=31;export const ids=[31];export const modules={5031:(t,n,o)=>{o.r(n),o.d(n,{inputs:()=>r.bB,run:()=>s});var r=o(5251);function s(){return(0,r.Lk)(["migrations"],()=>({}))}}};
